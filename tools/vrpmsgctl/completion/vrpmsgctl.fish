# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for vrpmsgctl(8). The tool prints the candidates, and fish quotes them;
# the output is never evaluated. Exit status 3 requests file names.

function __vrpmsgctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # Remove quotes from the word at the cursor.
    set current (string unescape -- $current; or echo -- $current)
    vrpmsgctl --complete $words[2..-1] "$current" 2>/dev/null
    if test $status -eq 3
        __fish_complete_path "$current"
    end
end

complete -c vrpmsgctl -f -a '(__vrpmsgctl_complete)'
