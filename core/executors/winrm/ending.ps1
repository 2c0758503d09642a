# Ends the work whose first process is JOBDECK_END_PID, with all its descendants, and prints `gone`, or the
# ids of those that are left. A claim is told the reason first. Windows knows no polite way to end a
# program without a window, so nobody is asked.
$ProgressPreference = 'SilentlyContinue'
$Spool = $env:JOBDECK_END_SPOOL
if (-not $Spool) { $Spool = Join-Path ([Environment]::GetFolderPath('UserProfile')) '.jobdeck' }
if ($env:JOBDECK_END_ATTEMPT) {
    try { [IO.File]::WriteAllText("$Spool\$env:JOBDECK_END_ATTEMPT\ended", "$env:JOBDECK_END_WORD`n") } catch { }
}
$Seen = @{}
$Seen[[int]$env:JOBDECK_END_PID] = $true
for ($Round = 0; $Round -lt 50; $Round++) {
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
    $Left = @($All | Where-Object { $Seen[[int]$_.ProcessId] } | ForEach-Object { [int]$_.ProcessId })
    if (-not $Left) { break }
    Stop-Process -Id $Left -Force -ErrorAction SilentlyContinue
    Start-Sleep -Milliseconds 100
}
# A byte of our own at the end: PowerShell's line ends are CR LF.
[Console]::Out.Write($(if ($Left) { "$Left`n" } else { "gone`n" }))
