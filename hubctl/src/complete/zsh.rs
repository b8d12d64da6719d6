//! The script for zsh. The one of `clap_complete` passes words with the quotes and backslashes that were
//! typed, so that no file whose name has a blank is found, and it ends a kind of sink with a blank.

/// The script, with these texts in capitals replaced.
const SCRIPT: &str = r#"#compdef hubctl
function _hubctl() {
    # Words as the program gets them: without the quotes and the backslashes that were typed.
    local -a typed=("${(@Q)words}")
    typed[CURRENT]=${(Q)PREFIX}
    local -a found=("${(@f)$( \
        _CLAP_IFS=$'\n' \
        _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) \
        VARIABLE=zsh PROGRAM -- "${typed[@]}" 2>/dev/null \
    )}")
    # What goes on, such as a folder or a kind of sink, is followed by no blank. A colon that is not part of
    # a value has no backslash and begins its description.
    local -a whole=() open=()
    local one
    for one in "${found[@]}"; do
        case ${${one//\\:/=}%%:*} in
            ('') ;;
            (*[/=]) open+=("$one") ;;
            (*) whole+=("$one") ;;
        esac
    done
    (( $#open )) && _describe -V values open -S ''
    (( $#whole )) && _describe -V values whole
}
compdef _hubctl hubctl
"#;

/// The script that makes zsh ask this program.
pub(super) fn script(variable: &str, program: &str) -> String {
    let program = shlex::try_quote(program).unwrap_or_default();
    SCRIPT.replace("VARIABLE", variable).replace("PROGRAM", &program)
}
