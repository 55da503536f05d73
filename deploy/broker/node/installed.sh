# shellcheck shell=bash
# A node made of the installed RabbitMQ, as root or not, beside any other node of the machine.

# Prints the directory with RabbitMQ's own scripts. Debian's commands in PATH are
# wrappers that insist on the user rabbitmq; the scripts behind them do not.
installed_find() {
    local dir
    command -v epmd >/dev/null || return 1
    for dir in /usr/lib/rabbitmq/bin "$(dirname "$(command -v rabbitmq-server || echo /none/none)")"; do
        if [ -x "$dir/rabbitmq-server" ] && [ -x "$dir/rabbitmqctl" ] && [ -r "$dir/rabbitmq-env" ]; then
            (cd -P "$(dirname "$(readlink -f "$dir/rabbitmq-server")")" && pwd)
            return 0
        fi
    done
    return 1
}

# Prints the version if it is too old for Gatehouse. It is in the name of the server's own library.
installed_too_old() {
    local library version
    for library in "$(dirname "$1")"/plugins/rabbit-[0-9]*; do
        version=${library##*/rabbit-}
        version=${version%.ez}
        [ "$(printf '%s\n' "$least_version" "$version" | sort -V | head -n 1)" = "$least_version" ] || {
            echo "$version"
            return 0
        }
    done
    return 1
}

installed_write() {
    local home=$1
    mkdir "$home/data" "$home/conf.d"
    cat >"$home/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$(fact "$home" amqp_port)
default_user = $(fact "$home" user)
default_pass = $(fact "$home" password)
# A small or busy machine must not raise an alarm by accident.
vm_memory_high_watermark.relative = 0.8
disk_free_limit.absolute = 50MB
log.file.level = info
# The nodes of a cluster lead about as many queues each.
queue_leader_locator = balanced
END
    # A node that freezes is given up by the others of its cluster after 8 to 13 s; by default after 45 to 75 s.
    echo '[{kernel, [{net_ticktime, 10}]}].' >"$home/advanced.config"
    echo '[].' >"$home/enabled_plugins"
    if [ "$(fact "$home" management)" = yes ]; then
        echo '[rabbitmq_management].' >"$home/enabled_plugins"
        printf 'management.tcp.%s\n' 'ip = 127.0.0.1' "port = $(($(fact "$home" amqp_port) + 3))" >>"$home/rabbitmq.conf"
    fi
    : >"$home/rabbitmq-env.conf"
    if [ -n "$(fact "$home" joins)" ]; then
        cp "$(fact "$home" joins)/.erlang.cookie" "$home/.erlang.cookie"
    else
        random_hex >"$home/.erlang.cookie"
    fi
    chmod 400 "$home/.erlang.cookie"
    link_without_plugins "$home"
}

# Erlang looks for each module in every plugin's directory, enabled or not. A tree
# with the server's own libraries alone halves the start: 4.1 s instead of 8.2 s
# (3.10.8 on two cores, 2026-11-21). Only plugins are called rabbitmq_*, but for the one that boots the server.
link_without_plugins() {
    local home=$1 server library management
    management=$(fact "$home" management)
    server=$(dirname "$(fact "$home" where)")
    mkdir -p "$home/rabbitmq/plugins"
    ln -s "$server/sbin" "$server/escript" "$home/rabbitmq"
    for library in "$server"/plugins/*; do
        case ${library##*/} in
            rabbitmq_prelaunch-*) ln -s "$library" "$home/rabbitmq/plugins" ;;
            rabbitmq_management-* | rabbitmq_management_agent-* | rabbitmq_web_dispatch-*)
                [ "$management" = no ] || ln -s "$library" "$home/rabbitmq/plugins"
                ;;
            rabbitmq_*) ;;
            *) ln -s "$library" "$home/rabbitmq/plugins" ;;
        esac
    done
}

# The name by which the nodes of a cluster know it. An address needs no entry in the hosts file, and counts as a long name.
installed_name() { echo "gatehouse-$(fact "$1" amqp_port)@127.0.0.1"; }

# The port of the epmd that the nodes of a cluster share: it is the first node's.
epmd_port() {
    local first
    first=$(fact "$1" joins)
    echo $(($(fact "${first:-$1}" amqp_port) + 2))
}

# Fills node_env: all the environment that RabbitMQ and its tools see, so that
# nothing of the machine's own broker leaks in.
set_node_env() {
    local home=$1 port loopback='-kernel inet_dist_use_interface {127,0,0,1}'
    port=$(fact "$home" amqp_port)
    node_env=(
        -i "PRIVATE_NODE=$home" "PATH=$PATH" "HOME=$home" LANG=C.UTF-8
        "ERL_EPMD_ADDRESS=127.0.0.1" "ERL_EPMD_PORT=$(epmd_port "$home")" "ERL_CRASH_DUMP=$home/log/erl_crash.dump"
        "RABBITMQ_NODENAME=$(installed_name "$home")" RABBITMQ_USE_LONGNAME=true "RABBITMQ_DIST_PORT=$((port + 1))"
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$loopback" "RABBITMQ_CTL_ERL_ARGS=$loopback"
        "RABBITMQ_CONF_ENV_FILE=$home/rabbitmq-env.conf" "RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf"
        "RABBITMQ_CONFIG_FILES=$home/conf.d" "RABBITMQ_ADVANCED_CONFIG_FILE=$home/advanced.config"
        "RABBITMQ_GENERATED_CONFIG_DIR=$home/config" "RABBITMQ_SCHEMA_DIR=$home/schema"
        "RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins" "RABBITMQ_PLUGINS_EXPAND_DIR=$home/plugins"
        "RABBITMQ_MNESIA_BASE=$home/data" "RABBITMQ_LOG_BASE=$home/log" "RABBITMQ_LOGS=$home/log/node.log"
        "RABBITMQ_PID_FILE=$home/rabbitmq.pid"
        # Makes the start script become the node instead of guarding it, so that its process id is the node's.
        RUNNING_UNDER_SYSTEMD=true
    )
}

# Starts the node, for the first time or again.
installed_launch() {
    local home=$1
    # Streams and connections need more files than the usual soft limit.
    ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
    set_node_env "$home"
    # Our own, so that the machine's is neither needed nor started.
    [ -n "$(fact "$home" joins)" ] || pid_of "$home" epmd >/dev/null ||
        launch "$home" epmd epmd -address 127.0.0.1 -port "$(epmd_port "$home")"
    launch "$home" node env "${node_env[@]}" "$home/rabbitmq/sbin/rabbitmq-server"
}

installed_is_running() { pid_of "$1" node >/dev/null; }

installed_halt() { end_process "$1" node "$2"; }

installed_remove() {
    end_process "$1" node KILL
    end_process "$1" epmd KILL
}

installed_log() { tail -n 30 "$1"/log/*.console "$1"/log/node.log 2>/dev/null; }

installed_ctl() {
    local home=$1
    shift
    set_node_env "$home"
    exec env "${node_env[@]}" "$home/rabbitmq/sbin/rabbitmqctl" "$@"
}
