# Sourced by whatever needs Python tools: makes environments for them below $tools, which is the caller's.
# uv, because pip takes minutes to find out which of SAM's and checkov's many requirements go together.

environment() { # name, file of its requirements
  [ -x "$tools/uv/bin/uv" ] || { python3 -m venv "$tools/uv" && "$tools/uv/bin/pip" install --quiet --disable-pip-version-check uv==0.9.11; }
  [ -x "$tools/$1/bin/python" ] || "$tools/uv/bin/uv" venv --quiet "$tools/$1"
  "$tools/uv/bin/uv" pip install --quiet --python "$tools/$1/bin/python" --requirement "$2"
}
