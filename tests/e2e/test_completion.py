"""Completion in the shells themselves: keys go to a terminal, and the words that come of them are run."""

import os
import pty
import re
import select
import signal
import time

import onnx_models
import pytest

DEADLINE_S = 30

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             ["bind 'set enable-bracketed-paste off' 'set bell-style none' 'set show-all-if-ambiguous on'",
              "source <(slipway completion bash)"]),
    "zsh": (["zsh", "-f", "-i"],
            ["unsetopt zle_bracketed_paste prompt_sp beep; autoload -U compinit && compinit -u -D",
             "source <(slipway completion zsh)"]),
    # As a package manager installs it: a file in the function path, loaded with the first TAB.
    "zsh-installed": (["zsh", "-f", "-i"],
                      ["mkdir -p functions; slipway completion zsh > functions/_slipway; fpath=($PWD/functions $fpath)",
                       "unsetopt zle_bracketed_paste prompt_sp beep; autoload -U compinit && compinit -u -D"]),
}


class Terminal:
    """An interactive shell in a folder."""

    def __init__(self, words, setup, env, folder):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, {**env, "PS1": "", "PROMPT": "", "TERM": "xterm", "COLUMNS": "500"})
        self.asked = 0
        for line in setup:
            self.run(line)

    def run(self, keys):
        """Types the keys and Enter, and gives what is said until the shell is ready again."""
        self.asked += 1
        mark = f"<done {self.asked} "
        os.write(self.file, f"{keys}\n".encode())
        os.write(self.file, f"echo '<done' {self.asked} $?'>'\n".encode())  # the typed line has quotes, the said one not
        said, end = "", time.monotonic() + DEADLINE_S
        while not re.search(rf"{mark}\d+>", said):
            assert time.monotonic() < end, f"{keys!r}: {said}"
            if select.select([self.file], [], [], 0.5)[0]:
                said += os.read(self.file, 65536).decode(errors="replace")
        return said

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.fixture(params=SHELLS)
def terminal(request, slipway, tmp_path):
    slipway("pack", onnx_models.times(tmp_path / "a model.onnx", 3), "--name", "wine", "--version", "1.0.0")
    env = {**slipway.env, "PATH": f"{slipway.program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    made = Terminal(*SHELLS[request.param], env, tmp_path)
    yield made
    made.close()


def test_tab_completes_verbs_options_values_packages_and_files(terminal):
    for keys, says in (
            ("slipway doct\t --js\t", '"findings":['),                            # a verb, an option of every verb
            ("slipway list --nam\t", "\nwine:1.0.0"),                            # an option of this verb
            ("slipway check --schema env\t", '"title": "environment"'),           # an allowed value
            ("slipway completion ba\t", "# bash completion for slipway"),        # the same for a positional
            ("slipway inspect wi\t", "wine:1.0.0  sha256:"),                     # a package
            ("slipway inspect wine:1\t", "wine:1.0.0  sha256:"),                 # behind the colon, where bash cuts
            ("slipway golden wine:1.0.0 --against wine:1\t", "golden answers equal"),
            ("slipway pack a\t --name other", "other:1  sha256:"),               # a file with a space
            ("slipway serve --config a\t", "a model.onnx")):                     # a file as an option's value
        assert says in terminal.run(keys).replace("\r", ""), keys
