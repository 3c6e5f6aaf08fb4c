"""The installed tree works where it is put."""

import os
import subprocess

import conftest


def test_an_installed_tree_serves_without_the_build_folder(tmp_path, slipway, serve, wine):
    build = conftest.find_program().parent.parent
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path / "first"], check=True, capture_output=True)
    os.rename(tmp_path / "first", tmp_path / "moved")
    for file in ("lib/slipway/libonnxruntime.so.1.31.1", "share/bash-completion/completions/slipway",
                 "share/zsh/site-functions/_slipway", "share/doc/slipway/LICENSE",
                 "share/doc/slipway/licences/onnxruntime/LICENSE"):
        assert (tmp_path / "moved" / file).stat().st_size > 0, file
    slipway.program = tmp_path / "moved/bin/slipway"
    slipway("pack", wine.folder)
    assert str(tmp_path / "moved/lib/slipway") in slipway("doctor").stdout
    assert "wine" in slipway("list").stdout
