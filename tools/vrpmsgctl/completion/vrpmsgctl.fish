# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for vrpmsgctl(8). The tool says what can come next, and fish quotes
# it; what it says is never evaluated. Status 3 asks for names of files.

function __vrpmsgctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # The word before the cursor may be quoted.
    set current (string unescape -- $current; or echo -- $current)
    vrpmsgctl --complete $words[2..-1] "$current" 2>/dev/null
    if test $status -eq 3
        __fish_complete_path "$current"
    end
end

complete -c vrpmsgctl -f -a '(__vrpmsgctl_complete)'
