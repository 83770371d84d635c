{{- define "openbourse.labels" -}}
app.kubernetes.io/name: openbourse
app.kubernetes.io/instance: {{ .release }}
app.kubernetes.io/component: {{ .fleet.name }}
{{- end -}}
