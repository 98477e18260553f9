# Scripts that need Python tools source this file. It makes environments for them below the caller's $tools.
# It uses uv, because pip takes minutes to resolve the many requirements of SAM and checkov.

environment() { # name, file of its requirements
  [ -x "$tools/uv/bin/uv" ] || { python3 -m venv "$tools/uv" && "$tools/uv/bin/pip" install --quiet --disable-pip-version-check uv==0.9.11; }
  [ -x "$tools/$1/bin/python" ] || "$tools/uv/bin/uv" venv --quiet "$tools/$1"
  "$tools/uv/bin/uv" pip install --quiet --python "$tools/$1/bin/python" --requirement "$2"
}
