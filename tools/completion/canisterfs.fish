# SPDX-License-Identifier: MIT
# fish completion for canisterfs: the program itself says what may follow, and what it means.

function __canisterfs_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] --describe $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$current"
            case :dir
                __fish_complete_directories "$current"
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c canisterfs -f -a '(__canisterfs_complete)'
