/* SPDX-License-Identifier: MIT
 *
 * vit158 completion: a script for the shell that completes commands, options and files. It asks
 * `vit158 help`, so that it knows what the installed command knows.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"

static const char zsh_start[] = "autoload -U +X bashcompinit && bashcompinit\n";

static const char script[] =
    "_vit158() {\n"
    "  local word=${COMP_WORDS[COMP_CWORD]}\n"
    "  if [ \"$COMP_CWORD\" -eq 1 ] || [[ $COMP_CWORD -eq 2 && ${COMP_WORDS[1]} == help ]]; then\n"
    "    COMPREPLY=($(compgen -W \"help version $(vit158 help | "
    "sed -n 's/^  \\([a-z-]*\\)  .*/\\1/p')\" -- \"$word\"))\n"
    "  elif [[ $word == -* ]]; then\n"
    "    COMPREPLY=($(compgen -W \"$(vit158 help \"${COMP_WORDS[1]}\" | grep -oE -- "
    "'--[a-z0-9-]+' | sort -u)\" -- \"$word\"))\n"
    "  else\n"
    "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
    "  fi\n"
    "}\n"
    "complete -o filenames -F _vit158 vit158\n";

int vit158_cmd_completion(int argc, char **argv)
{
    const vit158_usage usage = {
        .synopsis = "completion bash|zsh",
        .about = "Prints a script that completes commands, options and files in the shell:\n"
                 "source <(vit158 completion bash), in ~/.bashrc or ~/.zshrc.",
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 success, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    const bool zsh = strcmp(arguments.values[0], "zsh") == 0;
    if (!zsh && strcmp(arguments.values[0], "bash") != 0)
        return vit158_options_mistake("completion", "the shells are bash and zsh");
    printf("%s%s", zsh ? zsh_start : "", script);
    return VIT158_EXIT_OK;
}
