{{/* The names of the queues that are served, between spaces. */}}
{{- define "gatehouse.queues" -}}
{{- $queues := list }}
{{- range list "workflows" "access" "sync" }}{{ if (index $.Values .).enabled }}{{ $queues = append $queues . }}{{ end }}{{ end }}
{{- join " " $queues }}
{{- end }}

{{/* Whether a tenant has the ServiceAccount's token for its credential. */}}
{{- define "gatehouse.usesIdentity" -}}
{{- range .Values.tenants }}{{ if .workloadIdentity }}true{{ end }}{{ end }}
{{- end }}

{{/* The ConfigMap with the settings, if there is one. */}}
{{- define "gatehouse.configMap" -}}
{{- if .Values.existingConfigMap }}{{ .Values.existingConfigMap }}
{{- else if or .Values.settings .Values.files }}{{ include "gatehouse.fullname" . }}
{{- end }}
{{- end }}

{{- define "gatehouse.files" -}}
{{- with .Values.settings }}
gatehouse.toml: {{ . | quote }}
{{- end }}
{{- range $name, $text := .Values.files }}
{{ $name }}: {{ $text | quote }}
{{- end }}
{{- end }}

{{/* The settings that the chart makes, as environment variables. */}}
{{- define "gatehouse.variables" -}}
{{- $secrets := "/run/secrets/gatehouse" }}
{{- $all := dict "GATEHOUSE__BROKER__URL_FILE" (print $secrets "/broker-url") }}
{{- $_ := set $all "GATEHOUSE__BROKER__PREFIX" .Values.broker.prefix }}
{{- with .Values.broker.tls }}
{{- if ne (empty .certificate.secret) (empty .certificateKey.secret) }}
{{- fail "broker.tls.certificate and broker.tls.certificateKey belong together: give both or none" }}
{{- end }}
{{- if .ca.secret }}{{ $_ := set $all "GATEHOUSE__BROKER__CA_FILE" (print $secrets "/broker-ca") }}{{ end }}
{{- if .certificate.secret }}
{{- $_ := set $all "GATEHOUSE__BROKER__CERTIFICATE_FILE" (print $secrets "/broker-certificate") }}
{{- $_ := set $all "GATEHOUSE__BROKER__CERTIFICATE_KEY_FILE" (print $secrets "/broker-certificate-key") }}
{{- end }}
{{- end }}
{{- if .Values.topology.apply }}{{ $_ := set $all "GATEHOUSE__BROKER__DECLARE" "false" }}{{ end }}
{{- $_ := set $all "GATEHOUSE__WORKER__GRACE_SECONDS" (toString (int .Values.worker.graceSeconds)) }}
{{- if .Values.worker.key.secret }}{{ $_ := set $all "GATEHOUSE__WORKER__KEY_FILE" (print $secrets "/worker-key") }}{{ end }}
{{- if .Values.ledger.key.secret }}{{ $_ := set $all "GATEHOUSE__LEDGER__KEY_FILE" (print $secrets "/ledger-key") }}{{ end }}
{{- with .Values.limitsShare }}{{ $_ := set $all "GATEHOUSE__GRAPH__LIMITS_SHARE" (toString .) }}{{ end }}
{{- $_ := set $all "GATEHOUSE__ADMIN__LISTEN" (printf "%s:%d" .Values.admin.host (int .Values.admin.port)) }}
{{- $_ := set $all "GATEHOUSE__LOG__FORMAT" "json" }}
{{- if or .Values.settings .Values.existingConfigMap }}{{ $_ := set $all "GATEHOUSE_CONFIG" "/etc/gatehouse/gatehouse.toml" }}{{ end }}
{{- range $name, $tenant := .Values.tenants }}
{{- $prefix := printf "GATEHOUSE__TENANTS__%s__" (upper $name) }}
{{- $credentials := int (add (ternary 1 0 (hasKey $tenant "clientSecret")) (ternary 1 0 (hasKey $tenant "certificate")) (ternary 1 0 (default false $tenant.workloadIdentity))) }}
{{- if ne $credentials 1 }}
{{- fail (printf "tenants.%s has %d credentials: give it one of clientSecret, certificate and workloadIdentity" $name $credentials) }}
{{- end }}
{{- $_ := set $all (print $prefix "TENANT_ID") $tenant.tenantId }}
{{- $_ := set $all (print $prefix "CLIENT_ID") $tenant.clientId }}
{{- with $tenant.access }}{{ $_ := set $all (print $prefix "ACCESS") . }}{{ end }}
{{- if $tenant.clientSecret }}{{ $_ := set $all (print $prefix "CLIENT_SECRET_FILE") (printf "%s/%s-client-secret" $secrets $name) }}{{ end }}
{{- with $tenant.certificate }}
{{- $_ := set $all (print $prefix "CERTIFICATE_FILE") (printf "%s/%s-certificate" $secrets $name) }}
{{- if .password }}{{ $_ := set $all (print $prefix "CERTIFICATE_PASSWORD_FILE") (printf "%s/%s-certificate-password" $secrets $name) }}{{ end }}
{{- end }}
{{- if $tenant.workloadIdentity }}{{ $_ := set $all (print $prefix "FEDERATED_TOKEN_FILE") (print $secrets "/identity-token") }}{{ end }}
{{- end }}
{{- range $name, $value := merge $all .Values.env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{/* The sources of /run/secrets/gatehouse for workers. */}}
{{- define "gatehouse.secrets" -}}
{{ include "gatehouse.secret" (list "broker.url" .Values.broker.url "broker-url") }}
{{- include "gatehouse.brokerTls" . }}
{{- with .Values.worker.key }}{{ if .secret }}
{{ include "gatehouse.secret" (list "worker.key" . "worker-key") }}
{{- end }}{{ end }}
{{- with .Values.ledger.key }}{{ if .secret }}
{{ include "gatehouse.secret" (list "ledger.key" . "ledger-key") }}
{{- end }}{{ end }}
{{- range $name, $tenant := .Values.tenants }}
{{- with $tenant.clientSecret }}
{{ include "gatehouse.secret" (list "clientSecret" . (print $name "-client-secret")) }}
{{- end }}
{{- with $tenant.certificate }}
{{ include "gatehouse.secret" (list "certificate" . (print $name "-certificate")) }}
{{- with .password }}
{{ include "gatehouse.secret" (list "password" . (print $name "-certificate-password")) }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "gatehouse.usesIdentity" . }}
- serviceAccountToken: { audience: "api://AzureADTokenExchange", expirationSeconds: 3600, path: identity-token }
{{- end }}
{{- end }}

{{/* The sources for the way to the broker. */}}
{{- define "gatehouse.brokerTls" -}}
{{- with .Values.broker.tls }}
{{- if .ca.secret }}
{{ include "gatehouse.secret" (list "broker.tls.ca" .ca "broker-ca") }}
{{- end }}
{{- if .certificate.secret }}
{{ include "gatehouse.secret" (list "broker.tls.certificate" .certificate "broker-certificate") }}
{{ include "gatehouse.secret" (list "broker.tls.certificateKey" .certificateKey "broker-certificate-key") }}
{{- end }}
{{- end }}
{{- end }}

{{/* One key of a Secret as a file: its place in the values, the reference, and the file's name. */}}
{{- define "gatehouse.secret" -}}
{{- $secret := index . 1 -}}
- secret:
    name: {{ required (printf "%s.secret names no Secret" (index . 0)) $secret.secret }}
    items: [{ key: {{ $secret.key | quote }}, path: {{ index . 2 }} }]
{{- end }}
