// Asks the schemas of KEDA and of the Prometheus Operator whether they accept objects, a list on standard input.
// Prints their kinds, or fails with what is wrong.

import { readFileSync } from "node:fs";
import { ScaledObject, TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { PodMonitor, PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const models = { PodMonitor, PrometheusRule, ScaledObject, TriggerAuthentication };

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
    const Model = models[object.kind];
    if (!Model?.is(object)) throw new Error(`there is no schema for ${object.apiVersion} ${object.kind}`);
    new Model(object).validate();
    console.log(object.kind);
}
