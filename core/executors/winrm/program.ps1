# What runs on a Windows host, in PowerShell 5.1 or later: starts a work, or follows one. Composed by
# programs.py. The same text, read from a pipe, is the watcher of a work under a claim.
#
# A claim is a folder:
#   taken     who made it came first             pid      who watches over the work: process, birth; or `void`
#   out err   what the work printed              exit     its status, and what is to be known about its output
#   ended     why the engine ends it             script outputs
param($Words, $Given, $Text)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$Utf8 = New-Object Text.UTF8Encoding $false
try { [Console]::OutputEncoding = $Utf8 } catch { }
$Out = [Console]::OpenStandardOutput()
$Err = [Console]::OpenStandardError()
$MostOutputs = 1048576

function Say($Stream, $Line) {
    $Bytes = $Utf8.GetBytes("jobdeck-$($Given.token) $Line`n")
    $Stream.Write($Bytes, 0, $Bytes.Length)
    $Stream.Flush()
}
function Refuse($Line) {
    Say $Out ("refuse " + ($Line -replace '\s+', ' '))
    exit 0
}
function Encode($Line) { [Convert]::ToBase64String($Utf8.GetBytes($Line)) }
function Decode($Base64) { $Utf8.GetString([Convert]::FromBase64String($Base64)) }
function Home-Folder { [Environment]::GetFolderPath('UserProfile') }

# Whether the file was made by us: nobody else has it, and nobody will.
function New-Exclusive($Path, $Line) {
    try { $File = [IO.File]::Open($Path, 'CreateNew', 'Write', 'Read') } catch { return $false }
    $Bytes = $Utf8.GetBytes("$Line`n")
    $File.Write($Bytes, 0, $Bytes.Length)
    $File.Dispose()
    $true
}
# Callers wrap it in @(): PowerShell unwraps a list of one.
function Read-Words($Path) {
    try { $File = [IO.File]::Open($Path, 'Open', 'Read', 'ReadWrite, Delete') } catch { return }
    $Line = (New-Object IO.StreamReader $File).ReadToEnd()
    $File.Dispose()
    if ($Line.EndsWith("`n")) { $Line.Trim() -split ' ' | Where-Object { $_ } }
}

# ---------------------------------------------------------------------------- the work

function Check-Work {
    $Found = @(Get-Command $Given.program -CommandType Application -ErrorAction SilentlyContinue)
    if (-not $Found) { Refuse 'interpreter' }
    $Given.program = $Found[0].Path
    if (-not $Given.cwd) { $Given.cwd = Home-Folder }
    if (-not (Test-Path -LiteralPath $Given.cwd -PathType Container)) { Refuse 'cwd' }
}

# Values reach the work as its environment, which no list of processes shows.
function Start-Work($Folder) {
    $Script = Join-Path $Folder $Given.file
    [IO.File]::WriteAllText($Script, $Text, (New-Object Text.UTF8Encoding $Given.bom))
    $Start = New-Object Diagnostics.ProcessStartInfo
    $Start.FileName = $Given.program
    $Start.Arguments = $Given.before + '"' + $Script + '"' + $Given.after
    $Start.WorkingDirectory = $Given.cwd
    $Start.UseShellExecute = $false
    $Start.RedirectStandardInput = $true
    $Start.RedirectStandardOutput = $true
    $Start.RedirectStandardError = $true
    foreach ($Each in $Given.env.PSObject.Properties) {
        $Start.EnvironmentVariables[$Each.Name] = Decode $Each.Value
    }
    if ($Given.collects) { $Start.EnvironmentVariables['JOBDECK_OUTPUT'] = Join-Path $Folder 'outputs' }
    $Process = [Diagnostics.Process]::Start($Start)
    $Process.StandardInput.Close()
    $Process
}

# The word after the status: `held`, where something in the background keeps the output; `cut`,
# where not all of it could be kept.
function Wait-Work($Process, $ToOut, $ToErr) {
    [Threading.Tasks.Task[]]$Copies = @(
        $Process.StandardOutput.BaseStream.CopyToAsync($ToOut)
        $Process.StandardError.BaseStream.CopyToAsync($ToErr)
    )
    $Process.WaitForExit()
    try { if ([Threading.Tasks.Task]::WaitAll($Copies, 5000)) { '' } else { 'held' } } catch { 'cut' }
}

# PowerShell 5.1 redirects in UTF-16; whatever it was, it comes as UTF-8.
function Get-Outputs($Folder) {
    $Path = Join-Path $Folder 'outputs'
    if (-not (Test-Path -LiteralPath $Path)) { return $null }
    , $Utf8.GetBytes([IO.File]::ReadAllText($Path))
}
function Send-Outputs($Line, $Folder, $More) {
    $Bytes = Get-Outputs $Folder
    $Size = if ($null -eq $Bytes) { '-' } else { $Bytes.Length }
    Say $Out (("$Line $Size $More") -replace ' +$', '')
    if ($null -ne $Bytes -and $Bytes.Length -le $MostOutputs) {
        $Out.Write($Bytes, 0, $Bytes.Length)
        $Out.Flush()
    }
}

function Run-Directly {
    Check-Work
    $Folder = Join-Path ([IO.Path]::GetTempPath()) "jobdeck-$($Given.token)"
    try { [void][IO.Directory]::CreateDirectory($Folder) } catch { Refuse 'folder' }
    try {
        try { $Process = Start-Work $Folder } catch { Refuse "start $_" }
        Say $Out "start $($Process.Id)"
        Say $Err 'start'
        [void](Wait-Work $Process $Out $Err)
        if ($Given.collects -and (Test-Path -LiteralPath (Join-Path $Folder 'outputs'))) {
            Send-Outputs 'outputs' $Folder ''
        }
        exit $Process.ExitCode
    } finally {
        Remove-Item -LiteralPath $Folder -Recurse -Force -ErrorAction SilentlyContinue
    }
}

# ---------------------------------------------------------------------------- claims

$Spool = $Given.spool
if (-not $Spool) { $Spool = Join-Path (Home-Folder) '.jobdeck' }
$Claim = Join-Path $Spool $Given.attempt

# Owners older than one that was seen are refused. A look leaves its epoch.
function Check-Fence {
    foreach ($File in Get-ChildItem -Path $Spool -Filter "fence-$($Given.run)-*" -ErrorAction SilentlyContinue) {
        if ([int]($File.Name -split '-')[-1] -gt $Given.epoch) { Refuse 'fenced' }
    }
}
# Whether the claim is ours; where it cannot be made, it is refused with $Refusal.
function Take-Claim($Refusal) {
    try { [void][IO.Directory]::CreateDirectory($Claim) } catch { Refuse "$Refusal $_" }
    $Path = Join-Path $Claim 'taken'
    if (New-Exclusive $Path $PID) { return $true }
    if (-not (Test-Path -LiteralPath $Path)) { Refuse "$Refusal $Path cannot be written" }
    $false
}
function Void-Claim { New-Exclusive (Join-Path $Claim 'pid') 'void' }
function Remove-Claim { Remove-Item -LiteralPath $Claim -Recurse -Force -ErrorAction SilentlyContinue }

# WMI starts the watcher, outside of the session, whose end would be its end. The program and its values
# go through a pipe that only this user may open: they are in no argument list and in no file.
function Start-Watcher {
    $Name = "jobdeck-$([Guid]::NewGuid().ToString('N'))"
    $Security = New-Object IO.Pipes.PipeSecurity
    $Me = [Security.Principal.WindowsIdentity]::GetCurrent().User
    $Security.AddAccessRule((New-Object IO.Pipes.PipeAccessRule $Me, 'FullControl', 'Allow'))
    $Pipe = New-Object IO.Pipes.NamedPipeServerStream $Name, 'InOut', 1, 'Byte', 'Asynchronous', 65536, 65536, $Security
    $Reader = $Given.watcher.Replace('NAME', $Name)
    $Line = 'powershell.exe -NoProfile -NonInteractive -InputFormat None -ExecutionPolicy Bypass -EncodedCommand ' +
        [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($Reader))
    $Made = Invoke-CimMethod -ClassName Win32_Process -MethodName Create -Arguments @{ CommandLine = $Line }
    if ($Made.ReturnValue -ne 0) { throw "WMI starts no process (code $($Made.ReturnValue))" }
    $Waiting = $Pipe.BeginWaitForConnection($null, $null)
    if (-not $Waiting.AsyncWaitHandle.WaitOne(20000)) { throw 'the process that WMI started does not come' }
    $Pipe.EndWaitForConnection($Waiting)
    $Given.mode = 'watch'
    # What WMI starts may have no profile loaded: it is told the folder.
    $Given.spool = $Spool
    $Writer = New-Object IO.StreamWriter $Pipe, $Utf8
    $Writer.WriteLine((Encode $Given.text))
    $Writer.WriteLine((Encode ($Given | Select-Object * -ExcludeProperty text | ConvertTo-Json -Compress -Depth 4)))
    $Writer.WriteLine((Encode $Text))
    $Writer.Flush()
    $Pipe.WaitForPipeDrain()
    $Pipe.Dispose()
}

function Watch-Work {
    $Birth = (Get-Process -Id $PID).StartTime.ToFileTimeUtc()
    if (-not (New-Exclusive (Join-Path $Claim 'pid') "$PID $Birth")) { exit }
    # No buffer: what the work prints can be read at once.
    $ToOut, $ToErr = 'out', 'err' | ForEach-Object {
        New-Object IO.FileStream (Join-Path $Claim $_), 'Create', 'Write', 'ReadWrite', 1
    }
    try {
        $Process = Start-Work $Claim
        $Word = Wait-Work $Process $ToOut $ToErr
        $Status = $Process.ExitCode
    } catch {
        $Bytes = $Utf8.GetBytes("$_`r`n")
        $ToErr.Write($Bytes, 0, $Bytes.Length)
        $Word, $Status = '', 126
    }
    $ToOut.Dispose()
    $ToErr.Dispose()
    $Exit = Join-Path $Claim 'exit'
    [IO.File]::WriteAllText("$Exit.new", "$Status $Word`n")
    [IO.File]::Move("$Exit.new", $Exit)
}

function Test-Live($Number, $Birth) {
    $Process = Get-Process -Id $Number -ErrorAction SilentlyContinue
    try { $Process -and $Process.StartTime.ToFileTimeUtc() -eq $Birth } catch { $false }
}

# What came since the last time, until there is no more.
function Copy-New($From, $To) {
    $Buffer = New-Object byte[] 65536
    $Came = $false
    while (($Count = $From.Read($Buffer, 0, $Buffer.Length)) -gt 0) {
        $To.Write($Buffer, 0, $Count)
        $Came = $true
    }
    $To.Flush()
    $Came
}

function Follow-Claim {
    $Tries = 0
    while ($true) {
        $Who = @(Read-Words (Join-Path $Claim 'pid'))
        if ($Who.Count -gt 0) { break }
        $Tries += 1
        if ($Tries -eq 250) {
            if (Void-Claim) { Refuse 'absent' }
        }
        if ($Tries -ge 300) { Refuse 'broken' }
        Start-Sleep -Milliseconds 100
    }
    if ($Who[0] -eq 'void') { Refuse 'absent' }
    $Number, $Birth = [int]$Who[0], [long]$Who[1]
    $Live = Test-Live $Number $Birth
    $Ended = @(Read-Words (Join-Path $Claim 'ended'))
    if ($Live) { Say $Out ("start $Number $Ended".Trim()) } else { Say $Out 'start -' }
    Say $Err 'start'
    $FromOut, $FromErr = foreach ($Each in 'out', 'err') {
        $Path = Join-Path $Claim $Each
        while ($Live -and -not (Test-Path -LiteralPath $Path)) {
            Start-Sleep -Milliseconds 50
            $Live = Test-Live $Number $Birth
        }
        [IO.File]::Open($Path, 'OpenOrCreate', 'Read', 'ReadWrite, Delete')
    }
    [void]$FromOut.Seek($Given.out, 'Begin')
    [void]$FromErr.Seek($Given.err, 'Begin')
    $Ran = $true
    while ($Ran) {
        $Ran = Test-Live $Number $Birth
        $Came = (Copy-New $FromOut $Out), (Copy-New $FromErr $Err)
        if ($Ran -and $Came -notcontains $true) { Start-Sleep -Milliseconds 100 }
    }
    $FromOut.Dispose()
    $FromErr.Dispose()
    Say-End $Birth
}

# How it ended; then the claim waits for the line that says that this is on record.
function Say-End($Birth) {
    $Exit = @(Read-Words (Join-Path $Claim 'exit'))
    $Ended = @(Read-Words (Join-Path $Claim 'ended'))
    if ($Exit.Count -gt 0) {
        Send-Outputs "exit $($Exit[0])" $Claim ((@($Exit | Select-Object -Skip 1) + $Ended) -join ' ')
    } else {
        $Boot = (Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToFileTimeUtc()
        $How = if ($Boot -gt $Birth) { 'rebooted' } else { 'killed' }
        Say $Out ("gone $How $Ended".Trim())
    }
    Say $Err 'end'
    while ($null -ne ($Line = $Words.ReadLine())) {
        if ($Line -eq 'recorded') {
            Remove-Claim
            Clear-Spool
            break
        }
    }
}

# What nobody fetched in 7 days: claims whose work is over, and fences. Nothing that is not ours.
function Clear-Spool {
    $Old = (Get-Date).AddDays(-7)
    foreach ($Each in Get-ChildItem -Path $Spool | Where-Object { $_.LastWriteTime -lt $Old }) {
        if ($Each.Name -like 'fence-*') { Remove-Item -LiteralPath $Each.FullName; continue }
        $Who = @(Read-Words (Join-Path $Each.FullName 'pid'))
        if ($Who.Count -gt 0 -and ($Who[0] -eq 'void' -or -not (Test-Live ([int]$Who[0]) ([long]$Who[1])))) {
            Remove-Item -LiteralPath $Each.FullName -Recurse -Force
        }
    }
}

# Follow what is there; where nothing is, start it.
function Start-Claim {
    Check-Work
    Check-Fence
    if (Take-Claim 'unclaimed') {
        try { Start-Watcher } catch {
            $Why = "$_"
            # Where a watcher has come all the same, it is followed.
            if (Void-Claim) {
                Remove-Claim
                Refuse "unclaimed $Why"
            }
        }
    }
    Follow-Claim
}

# Start nothing: follow what is there, or see to it that nothing starts. Older owners are shut out.
function Visit-Claim {
    Check-Fence
    try {
        [void][IO.Directory]::CreateDirectory($Spool)
        [void](New-Exclusive (Join-Path $Spool "fence-$($Given.run)-$($Given.epoch)") '')
    } catch { }
    if (Take-Claim 'blind') {
        if (Void-Claim) { Refuse 'absent' }
        Refuse 'blind there is no room for a mark'
    }
    Follow-Claim
}

switch ($Given.mode) {
    'direct' { Run-Directly }
    'start' { Start-Claim }
    'visit' { Visit-Claim }
    'watch' { Watch-Work }
}
