//! The script for bash. The one of `clap_complete` takes words as bash breaks them, also at the colons of
//! URLs and sinks, and it quotes the path of the program twice.

/// The script, with these texts in capitals replaced.
const SCRIPT: &str = r#"_clap_complete_hubctl() {
    local IFS=$'\013' rest=$COMP_LINE i word blank words=() index=0 count
    # bash breaks words at : and = too, which URLs and sinks hold; what no blank parts is one word here.
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        count=${#words[@]}
        if [[ -n $COMP_LINE ]]; then
            blank=${rest%%[![:space:]]*}
            rest=${rest#"$blank"}
            rest=${rest#"$word"}
        elif [[ $word == [:=]* || ($count -gt 0 && ${words[count - 1]} == *[:=] && -n $word) ]]; then
            blank=
        else
            blank=' '
        fi
        if [[ -z $blank && $count -gt 0 ]]; then
            words[count - 1]+=$word
        else
            words+=("$word")
        fi
        ((i == COMP_CWORD)) && index=$((${#words[@]} - 1))
    done
    local whole=${words[index]} space=true
    compopt +o nospace 2>/dev/null && space=false
    COMPREPLY=( $( \
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX="$index" \
        _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" \
        _CLAP_COMPLETE_SPACE="$space" \
        VARIABLE=bash PROGRAM -- "${words[@]}" \
    ) )
    # Only what comes after the last break is replaced by bash.
    local kept=${whole%"$2"}
    [[ $whole == *[:=]* ]] && COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} =~ [=/:]$ ]] || compopt +o nospace 2>/dev/null
    return 0
}
complete -o nospace -o bashdefault -F _clap_complete_hubctl hubctl
"#;

/// The script that makes bash ask this program.
pub(super) fn script(variable: &str, program: &str) -> String {
    let program = shlex::try_quote(program).unwrap_or_default();
    SCRIPT.replace("VARIABLE", variable).replace("PROGRAM", &program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_is_one_word() {
        let script = script("HUBCTL_COMPLETE", "/opt/my tools/hubctl");
        assert!(script.contains("HUBCTL_COMPLETE=bash '/opt/my tools/hubctl' --"), "{script}");
    }
}
