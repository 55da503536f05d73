# shellcheck shell=bash
# A node made of a container, with Docker or Podman.

readonly image=docker.io/library/rabbitmq:3-alpine
readonly image_with_management=docker.io/library/rabbitmq:3-management-alpine

# Prints the engine that answers.
container_find() {
    local engine
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then
            echo "$engine"
            return 0
        fi
    done
    return 1
}

container_name() { echo "gatehouse-$(fact "$1" mark)"; }

# Runs one of the engine's commands on the node's container.
engine() {
    local home=$1
    shift
    "$(fact "$home" where)" "$@" "$(container_name "$home")"
}

# Creates the container. Not --rm: restart --kill must find it and its data again.
container_write() {
    local home=$1 image=$image ports=()
    if [ "$(fact "$home" management)" = yes ]; then
        image=$image_with_management
        ports=(--publish "127.0.0.1:$(($(fact "$home" amqp_port) + 3)):15672")
    fi
    say "creating a container from $image"
    RABBITMQ_DEFAULT_USER=$(fact "$home" user) RABBITMQ_DEFAULT_PASS=$(fact "$home" password) \
        "$(fact "$home" where)" create --name "$(container_name "$home")" --hostname gatehouse \
        --publish "127.0.0.1:$(fact "$home" amqp_port):5672" ${ports[@]+"${ports[@]}"} \
        --env RABBITMQ_DEFAULT_USER --env RABBITMQ_DEFAULT_PASS "$image" >>"$home/log/engine" 2>&1
}

# Starts the node, for the first time or again.
container_launch() { engine "$1" start >>"$1/log/engine" 2>&1; }

container_is_running() { [ "$(engine "$1" inspect --format '{{.State.Running}}' 2>/dev/null)" = true ]; }

container_halt() {
    case $2 in
        KILL) engine "$1" kill ;;
        *) engine "$1" stop -t 30 ;;
    esac >>"$1/log/engine" 2>&1
}

# Podman's rm alone waits ten seconds for a container to end by itself.
container_remove() {
    engine "$1" kill >/dev/null 2>&1 || true
    engine "$1" rm --force --volumes >/dev/null 2>&1 || true
}

container_log() {
    cat "$1/log/engine"
    engine "$1" logs --tail 30 2>&1
}

container_ctl() {
    local home=$1
    shift
    exec "$(fact "$home" where)" exec "$(container_name "$home")" rabbitmqctl "$@"
}
