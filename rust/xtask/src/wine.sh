#!/bin/sh
export WINEPREFIX="{folder}/prefix" WINEARCH=win64 WINEDEBUG="${WINEDEBUG:--all}"
# The programs themselves, since Wine starts its server again and cannot start a script.
export WINELOADER="{wine}/usr/lib/wine/wine64" WINESERVER="{wine}/usr/lib/wine/wineserver64"
export WINEDLLPATH="{wine}/usr/lib/x86_64-linux-gnu/wine"
export WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n,b"
export LD_LIBRARY_PATH="{wine}/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
unset DISPLAY
# Keeps Wine's server for 30 seconds, since a program that starts while the server ends fails.
"$WINESERVER" -p30 2>/dev/null
exec "$WINELOADER" "$@"
