// SPDX-License-Identifier: MIT
// vit158 completion: a script for the shell that completes commands, options and files. It asks `vit158 help`, so
// that it knows what the installed command knows. src/cli/cmd_completion.c prints the same.
import { EXIT } from './console.mjs';
import { UsageError, parseOptions } from './options.mjs';

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'completion bash|zsh',
  about:
    'Prints a script that completes commands, options and files in the shell:\n' +
    'source <(vit158 completion bash), in ~/.bashrc or ~/.zshrc.',
  options: [],
  count: [1, 1],
  notes: 'Exit codes: 0 success, 2 wrong usage.',
};

const ZSH_START = 'autoload -U +X bashcompinit && bashcompinit\n';

const SCRIPT = String.raw`_vit158() {
  local word=${'$'}{COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ] || [[ $COMP_CWORD -eq 2 && ${'$'}{COMP_WORDS[1]} == help ]]; then
    COMPREPLY=($(compgen -W "help version $(vit158 help | sed -n 's/^  \([a-z-]*\)  .*/\1/p')" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$(vit158 help "${'$'}{COMP_WORDS[1]}" | grep -oE -- '--[a-z0-9-]+' | sort -u)" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _vit158 vit158
`;

/** @param {string[]} args */
export async function completion(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const [shell] = parsed.rest;
  if (!['bash', 'zsh'].includes(shell)) throw new UsageError('the shells are bash and zsh');
  process.stdout.write((shell === 'zsh' ? ZSH_START : '') + SCRIPT);
  return EXIT.OK;
}
