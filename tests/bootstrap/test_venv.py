"""tools/venv: an environment from a Python that can carry it."""

WITHOUT_ENSUREPIP = 'case "$*" in *version_info*) exit 0;; *ensurepip*) exit 1;; esac'


def test_a_python_too_old_is_refused_by_version(machine, tmp_path):
    machine.says("python3", 'case "$*" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    outcome = machine.tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert outcome.exit_code == 1
    assert "No Python 3.11 or newer" in outcome.said
    assert "Python 3.9.2" in outcome.said
    assert not (tmp_path / "venv").exists()


def test_a_python_without_ensurepip_names_the_package_that_brings_it(machine, tmp_path):
    machine.says("id", "echo 1000")
    machine.says("python3", WITHOUT_ENSUREPIP)
    outcome = machine.tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert outcome.exit_code == 1
    assert "apt-get install python3-venv" in outcome.said
    assert not any(c.startswith("apt-get") for c in outcome.commands)


def test_root_on_debian_gets_that_package_installed(machine, tmp_path):
    machine.says("python3", WITHOUT_ENSUREPIP)
    machine.says("apt-get", "true")
    outcome = machine.tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert any(c.startswith("apt-get") and c.endswith("python3-venv") for c in outcome.commands)
    assert "still lacks the module ensurepip" in outcome.said
