# Ends the work whose first process is JOBDECK_END_PID, with all its descendants, and prints `gone`, or the
# ids of those that are left. A claim is told the reason first. Processes are asked first, by Ctrl-C in
# their console; what is left after JOBDECK_END_GRACE milliseconds is ended by force.
$ProgressPreference = 'SilentlyContinue'
# Taken before the console is left.
$Out = [Console]::Out
$Spool = $env:JOBDECK_END_SPOOL
if (-not $Spool) { $Spool = Join-Path ([Environment]::GetFolderPath('UserProfile')) '.jobdeck' }
if ($env:JOBDECK_END_ATTEMPT) {
    try { [IO.File]::WriteAllText("$Spool\$env:JOBDECK_END_ATTEMPT\ended", "$env:JOBDECK_END_WORD`n") } catch { }
}
$Seen = @{}
$Seen[[int]$env:JOBDECK_END_PID] = $true

# Who lives, of all that were ever seen to descend from it.
function Get-Left {
    $All = @(Get-CimInstance Win32_Process)
    $Born = @{}
    foreach ($Each in $All) { $Born[[int]$Each.ProcessId] = $Each.CreationDate }
    do {
        $Grown = $false
        foreach ($Each in $All) {
            $Number, $Parent = [int]$Each.ProcessId, [int]$Each.ParentProcessId
            if ($Seen[$Number] -or -not $Seen[$Parent]) { continue }
            # The number of a parent that is gone can come again; its child is then older.
            if ($Born[$Parent] -and $Each.CreationDate -lt $Born[$Parent]) { continue }
            $Seen[$Number] = $true
            $Grown = $true
        }
    } while ($Grown)
    $All | Where-Object { $Seen[[int]$_.ProcessId] } | ForEach-Object { [int]$_.ProcessId }
}

# Whoever shares the console of a process hears it, but for us. Whether anybody was asked.
function Send-ControlC($Number) {
    try {
        $Kernel = Add-Type -PassThru -Namespace Jobdeck -Name Kernel -MemberDefinition '
            [DllImport("kernel32.dll")] public static extern bool FreeConsole();
            [DllImport("kernel32.dll")] public static extern bool AttachConsole(uint process);
            [DllImport("kernel32.dll")] public static extern bool SetConsoleCtrlHandler(IntPtr handler, bool add);
            [DllImport("kernel32.dll")] public static extern bool GenerateConsoleCtrlEvent(uint what, uint group);'
        [void]$Kernel::FreeConsole()
        $Kernel::AttachConsole($Number) -and
            $Kernel::SetConsoleCtrlHandler([IntPtr]::Zero, $true) -and
            $Kernel::GenerateConsoleCtrlEvent(0, 0)
    } catch { $false }
}

$Left = @(Get-Left)
if ($Left -and (Send-ControlC $env:JOBDECK_END_PID)) {
    $Until = [DateTime]::UtcNow.AddMilliseconds([int]$env:JOBDECK_END_GRACE)
    while ($Left -and [DateTime]::UtcNow -lt $Until) {
        Start-Sleep -Milliseconds 100
        $Left = @(Get-Left)
    }
}
for ($Round = 0; $Left -and $Round -lt 50; $Round++) {
    Stop-Process -Id $Left -Force -ErrorAction SilentlyContinue
    Start-Sleep -Milliseconds 100
    $Left = @(Get-Left)
}
# A byte of our own at the end: PowerShell's line ends are CR LF.
$Out.Write($(if ($Left) { "$Left`n" } else { "gone`n" }))
