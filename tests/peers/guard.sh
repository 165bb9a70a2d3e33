# Runs a server in the foreground, and ends it when standard input ends: so it never outlives the
# test that started it, however that test ends. The whole process group goes with it.
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
{
  cat >/dev/null
  kill -KILL 0
} <&3 &
exec 3<&-
wait "$server"
