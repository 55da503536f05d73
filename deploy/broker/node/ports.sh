# shellcheck shell=bash
# Free ports on loopback, and whether a broker answers on one or at an address.

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of four neighbouring free ports, below the range the kernel hands out itself.
free_ports() {
    local first
    while :; do
        first=$((20000 + RANDOM % 12000))
        is_taken "$first" || is_taken $((first + 1)) || is_taken $((first + 2)) || is_taken $((first + 3)) || break
    done
    echo "$first"
}

# Says hello in AMQP 0-9-1 on a port of a host, this one by default, and waits for a word. A port that accepts is not
# enough: a container's proxy accepts long before the broker speaks.
answers_amqp() {
    local byte
    (
        exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1" || exit 1
        printf 'AMQP\0\0\11\1' >&3
        IFS= read -r -t 5 -n 1 -u 3 byte
        [ "$byte" = $'\1' ]
    ) 2>/dev/null
}

# The same for an address such as AMQP_URL. A broker behind TLS has only its port looked at.
answers_url() {
    local scheme=${1%%://*} host=${1#*://} port=5672
    [ "$scheme" != amqps ] || port=5671
    host=${host%%[/?]*}
    host=${host##*@}
    case $host in
        *:*[!]])
            port=${host##*:}
            host=${host%:*}
            ;;
    esac
    host=${host#[}
    host=${host%]}
    if [ "$scheme" = amqps ]; then
        (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null
    else
        answers_amqp "$port" "$host"
    fi
}
