# Reads PowerShell as PowerShell does. Each line of standard input is a JSON document; each answer is a line, too.
$ErrorActionPreference = 'Stop'
$modulePath = $env:PSModulePath

function Read-Script([string] $Text) {
    $tokens = $null
    $errors = $null
    $tree = [System.Management.Automation.Language.Parser]::ParseInput($Text, [ref] $tokens, [ref] $errors)
    $commands = $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)
    # Without expressions: a string that is not ASCII consists of several parts.
    $statements = $tree.FindAll({
        $args[0] -is [System.Management.Automation.Language.StatementAst] -and
        $args[0] -isnot [System.Management.Automation.Language.PipelineAst] -and
        $args[0] -isnot [System.Management.Automation.Language.CommandExpressionAst]
    }, $true)
    @{
        faults     = @($errors | ForEach-Object { $_.Message })
        commands   = @($commands | ForEach-Object { $_.GetCommandName() })
        statements = @($statements | ForEach-Object { $_.GetType().Name })
        length     = $tree.EndBlock.Statements.Count
    }
}

function Read-Values([string] $Expression, [string] $Mode) {
    $state = [initialsessionstate]::CreateDefault2()
    $state.LanguageMode = $Mode
    $runspace = [runspacefactory]::CreateRunspace($state)
    $runspace.Open()
    try {
        $shell = [powershell]::Create()
        $shell.Runspace = $runspace
        $found = $shell.AddScript($Expression).Invoke()
        # As numbers, because no output encoding changes them.
        , @($found | ForEach-Object { , @([int[]] [char[]] [string] $_) })
    }
    finally {
        $runspace.Dispose()
    }
}

function Start-Script($Request) {
    $env:SMS_ADMIN_UI_PATH = $Request['console']
    $env:PSModulePath = $Request['modules'] + [IO.Path]::PathSeparator + $modulePath
    $state = [initialsessionstate]::CreateDefault2()
    $runspace = [runspacefactory]::CreateRunspace($state)
    $runspace.Open()
    try {
        $shell = [powershell]::Create()
        $shell.Runspace = $runspace
        $runspace.SessionStateProxy.SetVariable('Site', $Request['site'])
        $runspace.SessionStateProxy.SetVariable('Calls', @())
        $arguments = $Request['arguments']
        $output, $refusal = @(), ''
        try {
            $output = @($shell.AddCommand($Request['run']).AddParameters($arguments).Invoke())
        }
        catch {
            $inner = $_.Exception
            while ($inner.InnerException) { $inner = $inner.InnerException }
            $refusal = $inner.Message
        }
        $site = $runspace.SessionStateProxy.GetVariable('Site')
        @{
            output  = @($output | ForEach-Object { [string] $_ })
            refusal = $refusal
            calls   = @($runspace.SessionStateProxy.GetVariable('Calls'))
            apps    = @($site['Apps'])
            services = @($site['Services'])
        }
    }
    finally {
        $runspace.Dispose()
    }
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $request = ConvertFrom-Json -InputObject $line -AsHashtable
    $answer = if ($request['run']) {
        Start-Script $request
    }
    elseif ($request['script']) {
        Read-Script $request['script']
    }
    else {
        @{ values = Read-Values $request['expression'] $request['mode'] }
    }
    [Console]::Out.WriteLine((ConvertTo-Json -InputObject $answer -Depth 6 -Compress))
}
