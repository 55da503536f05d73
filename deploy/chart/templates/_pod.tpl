{{/* What every pod has: nothing but its own files, read only, as nobody. */}}
{{- define "gatehouse.podSecurity" -}}
# Kubernetes gives the files of Secrets to this group, and the worker has to read them.
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "gatehouse.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "gatehouse.mounts" -}}
volumeMounts:
  - { name: secrets, mountPath: /run/secrets/gatehouse, readOnly: true }
  {{- if include "gatehouse.configMap" . }}
  - { name: settings, mountPath: /etc/gatehouse, readOnly: true }
  {{- end }}
{{- end }}

{{- define "gatehouse.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}
