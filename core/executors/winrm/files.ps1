# Takes files in and gives them out on a Windows host, in PowerShell 5.1 or later; composed by speech.py,
# and spoken with as the programs of core/executors/files are. Content comes in as lines of base 64.
#
#   put     have EXISTS DIGEST PART_BYTES PART_DIGEST  -> put OFFSET, then the content | same | show | leave
#           content SIZE, then the bytes | done created|replaced|unchanged | no WORD why
#   get     has SIZE DIGEST    -> get OFFSET DIGEST_OF_WHAT_IS_THERE | leave
#           from OFFSET, then the bytes
#   list    size, mode, name below the folder, whole path, then one dot; a zero byte ends each
#
# A dot in the place of a line says that nothing more comes.
param($Words, $Given, $Text)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$Utf8 = New-Object Text.UTF8Encoding $false
try { [Console]::OutputEncoding = $Utf8 } catch { }
$Out = [Console]::OpenStandardOutput()
$Err = [Console]::OpenStandardError()
$End = if ($Given.program -eq 'list') { [string][char]0 } else { "`n" }

function Send-Bytes($Stream, $Bytes, $Count) {
    $Stream.Write($Bytes, 0, $Count)
    $Stream.Flush()
}
function Send-Text($Stream, $Line) {
    $Bytes = $Utf8.GetBytes($Line)
    Send-Bytes $Stream $Bytes $Bytes.Length
}
function Say($Line) { Send-Text $Out "$Line$End" }
function No($Word, $Why) {
    Say ("no $Word $Why" -replace '\s+', ' ')
    exit 1
}
function Why($Failure) {
    $Cause = $Failure.Exception
    while ($Cause.InnerException) { $Cause = $Cause.InnerException }
    $Cause.Message
}
function Read-Word {
    $Line = $Words.ReadLine()
    if (-not $Line -or $Line -eq '.') { exit 0 }
    , ($Line -split ' ')
}

function Find-Home($Path) {
    if ($Path -eq '~') { $Path = '~/' }
    if ($Path.StartsWith('~/')) {
        return Join-Path ([Environment]::GetFolderPath('UserProfile')) $Path.Substring(2)
    }
    if ($Path.StartsWith('/') -and -not $Path.StartsWith('//')) { return "$env:SystemDrive$Path" }
    $Path
}
function Test-Link($Item) { [bool]($Item.Attributes -band [IO.FileAttributes]::ReparsePoint) }

# Others may read, write and remove it meanwhile, as programs do with their logs.
function Open-Read($Path) { [IO.File]::Open($Path, 'Open', 'Read', 'ReadWrite, Delete') }

# Gives the first $Count bytes of $File from where it stands to $Take, piece by piece.
function Read-First($File, $Count, $Take) {
    $Buffer = New-Object byte[] 65536
    while ($Count -gt 0) {
        $Got = $File.Read($Buffer, 0, [int][Math]::Min($Buffer.Length, $Count))
        if ($Got -eq 0) { break }
        & $Take $Buffer $Got
        $Count -= $Got
    }
}
# SHA-256 of the first $Count bytes. Get-FileHash opens no file that somebody writes, and knows no beginnings.
function Get-Digest($Path, $Count) {
    $Hash = New-Object Security.Cryptography.SHA256CryptoServiceProvider
    $File = Open-Read $Path
    try {
        Read-First $File $Count { param($Buffer, $Got) [void]$Hash.TransformBlock($Buffer, 0, $Got, $null, 0) }
        [void]$Hash.TransformFinalBlock((New-Object byte[] 0), 0, 0)
        ([BitConverter]::ToString($Hash.Hash) -replace '-', '').ToLowerInvariant()
    } finally { $File.Dispose() }
}
function Get-Size($Path) { (New-Object IO.FileInfo $Path).Length }

# ---------------------------------------------------------------------------- put

function Skip-WhereNothingIs {
    if ($Given.check) {
        Say 'have - - 0 -'
        exit 0
    }
}
# Each part is looked at by itself: no link leads out of the folder.
function Enter-Folder {
    $Folder = Find-Home $Given.folder
    if (-not [IO.Directory]::Exists($Folder)) {
        if (-not $Given.makes) { No 'folder' "$Folder is not there" }
        Skip-WhereNothingIs
        try { [void][IO.Directory]::CreateDirectory($Folder) } catch { No 'folder' (Why $_) }
    }
    $Here = [IO.Path]::GetFullPath($Folder)
    $Parts = $Given.path -split '/'
    foreach ($Part in ($Parts | Select-Object -SkipLast 1)) {
        $Here = Join-Path $Here $Part
        if (-not [IO.Directory]::Exists($Here)) {
            if (-not $Given.makes) { No 'folder' "$Here is not there" }
            Skip-WhereNothingIs
            try { [void][IO.Directory]::CreateDirectory($Here) } catch { No 'folder' (Why $_) }
        }
        if (Test-Link (New-Object IO.DirectoryInfo $Here)) { No 'link' "$Here is a link, which is not followed" }
    }
    $Here
}

function Receive-File {
    $Here = Enter-Folder
    $Path = Join-Path $Here ($Given.path -split '/')[-1]
    $Temp = Join-Path $Here $Given.temp
    if ([IO.Directory]::Exists($Path)) { No 'kind' "$Path is a folder (write a / at its end)" }
    $Exists, $Had, $Part, $PartHad = '-', '-', 0, '-'
    try {
        if ([IO.File]::Exists($Path)) {
            $Exists = 'yes'
            if (Test-Link (New-Object IO.FileInfo $Path)) { No 'link' "$Path is a link, which is not followed" }
            if ((Get-Size $Path) -eq [long]$Given.size) { $Had = Get-Digest $Path ([long]$Given.size) }
        }
        if ([IO.File]::Exists($Temp) -and ($Part = Get-Size $Temp) -gt 0) { $PartHad = Get-Digest $Temp $Part }
    } catch { No 'kind' "$Path cannot be read: $(Why $_)" }
    Say "have $Exists $Had $Part $PartHad"
    $Word = Read-Word
    switch ($Word[0]) {
        'same' { Say 'done unchanged' }
        'show' { Show-File $Path }
        'put' {
            try { Write-Part $Here $Temp ([long]$Word[1]) } catch { No 'write' (Why $_) }
            Complete-File $Temp $Path
        }
    }
}
function Show-File($Path) {
    $Size = Get-Size $Path
    Say "content $Size"
    $File = Open-Read $Path
    Read-First $File $Size { param($Buffer, $Got) Send-Bytes $Out $Buffer $Got }
    $File.Dispose()
}
function Write-Part($Here, $Temp, $Offset) {
    if ($Offset -eq 0) {
        [IO.File]::Delete($Temp)
        # What nobody came back for in a week.
        foreach ($Old in [IO.Directory]::GetFiles($Here, '.jobdeck-*.part')) {
            if ([IO.File]::GetLastWriteTimeUtc($Old) -lt [DateTime]::UtcNow.AddDays(-7)) { [IO.File]::Delete($Old) }
        }
    }
    $File = [IO.File]::Open($Temp, $(if ($Offset -eq 0) { 'CreateNew' } else { 'Append' }), 'Write', 'None')
    try {
        while ($null -ne ($Line = $Words.ReadLine()) -and $Line -ne '.') {
            $Bytes = [Convert]::FromBase64String($Line)
            $File.Write($Bytes, 0, $Bytes.Length)
        }
        $File.Flush($true)
    } finally { $File.Dispose() }
}
# Whole and right, or not at all. What is replaced keeps its rights, owner and attributes.
function Complete-File($Temp, $Path) {
    $Size = Get-Size $Temp
    if ($Size -ne [long]$Given.size) { No 'short' $Size }
    if ((Get-Digest $Temp $Size) -ne $Given.want) {
        [IO.File]::Delete($Temp)
        No 'damaged' ''
    }
    $Done = 'created'
    try {
        if ([IO.File]::Exists($Path)) {
            $Done = 'replaced'
            # $null would become an empty name.
            [IO.File]::Replace($Temp, $Path, [NullString]::Value)
        } else {
            [IO.File]::Move($Temp, $Path)
        }
    } catch { No 'write' (Why $_) }
    Say "done $Done"
}

# ---------------------------------------------------------------------------- list, get

function Say-File($Item, $Name) {
    Say $Item.Length
    Say '644'
    Say $Name
    Say ($Item.FullName -replace '\\', '/')
}
# Links in folders are not followed.
function Say-Folder($Folder, $Name) {
    foreach ($Item in Get-ChildItem -LiteralPath $Folder.FullName -Force) {
        if ($Item -is [IO.DirectoryInfo]) {
            if (-not (Test-Link $Item)) { Say-Folder $Item "$Name/$($Item.Name)" }
        } elseif ($Item.LinkType -ne 'SymbolicLink') { Say-File $Item "$Name/$($Item.Name)" }
    }
}
function List-Files {
    $Pattern = Find-Home $Given.pattern
    try {
        $Found = if ($Pattern -match '[*?[]') {
            # A backtick is no wildcard of ours, and may be in a name.
            @(Get-Item -Path ($Pattern -replace '`', '``') -Force -ErrorAction SilentlyContinue)
        } else { @(Get-Item -LiteralPath $Pattern -Force -ErrorAction SilentlyContinue) }
        if (-not $Found) { No 'missing' "$Pattern is not there" }
        foreach ($Item in $Found) {
            if ($Item -is [IO.DirectoryInfo]) { Say-Folder $Item $Item.Name }
            elseif ($Item -is [IO.FileInfo]) { Say-File $Item $Item.Name }
        }
    } catch { No 'folder' (Why $_) }
    Say '.'
}

# A file that grows, such as a log, is given as it was when it was looked at.
function Give-File {
    $Path = $Given.path
    if (-not [IO.File]::Exists($Path)) { No 'missing' "$Path is not there" }
    try {
        $Size = Get-Size $Path
        $Digest = Get-Digest $Path $Size
    } catch { No 'read' "$Path cannot be read: $(Why $_)" }
    Say "has $Size $Digest"
    $Word = Read-Word
    if ($Word[0] -ne 'get') { return }
    $Offset = [long]$Word[1]
    if ($Offset -gt 0 -and (Get-Digest $Path $Offset) -ne $Word[2]) { $Offset = 0 }
    Say "from $Offset"
    $File = Open-Read $Path
    [void]$File.Seek($Offset, 'Begin')
    Read-First $File ($Size - $Offset) { param($Buffer, $Got) Send-Bytes $Out $Buffer $Got }
    $File.Dispose()
}

Send-Text $Out "jobdeck-$($Given.token) start $PID`n"
Send-Text $Err "jobdeck-$($Given.token) start`n"
switch ($Given.program) {
    'put' { Receive-File }
    'list' { List-Files }
    'get' { Give-File }
}
