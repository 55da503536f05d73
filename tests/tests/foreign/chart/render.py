"""Checks and renders the Helm chart with one set of values, without a cluster.

usage: render.py CHART < VALUES

Prints JSON: `text`, all manifests as Helm makes them, and `objects`, the same parsed; or `refused`, why Helm refuses the
values. Kubernetes' own schemas accept each object of Kubernetes, in the oldest version that the chart admits and in the
newest; others are left to whoever knows their schemas.
"""

import json
import sys

import helm_python
import kubernetes_validate
import yaml

FOREIGN = ("keda.sh/", "monitoring.coreos.com/")
VERSIONS = ("1.27", "1.37")


def manifests(chart: str, values: dict) -> str:
    """All manifests in one text, in the order of their files."""
    report = helm_python.lint(chart, values, strict=True)
    problems = [message["error"] for message in report["messages"] if message["severity"] > 1]
    if problems or report["errors"]:
        raise helm_python.HelmError("; ".join(problems + report["errors"]))
    loaded = helm_python.Chart.load(chart)
    loaded.validate_schema(values)
    rendered = loaded.render(values, name="gatehouse", namespace="people", is_install=True)
    texts = []
    for file, text in sorted(rendered.items()):
        text = text.strip().removeprefix("---").strip()
        if text:
            texts.append(f"---\n# Source: {file}\n{text}\n")
    return "".join(texts)


def main() -> None:
    values = yaml.safe_load(sys.stdin)
    try:
        text = manifests(sys.argv[1], values)
    except helm_python.HelmError as error:
        print(json.dumps({"refused": str(error)}))
        return
    objects = [found for found in yaml.safe_load_all(text) if found]
    for found in objects:
        if not found["apiVersion"].startswith(FOREIGN):
            for version in VERSIONS:
                kubernetes_validate.validate(found, version, strict=True)
    print(json.dumps({"text": text, "objects": objects}))


main()
