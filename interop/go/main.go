// Program interop is a workload that knows nothing but go-spiffe. It prints one JSON object a line
// and leaves the judging to the test that starts it. The agent's socket comes from
// SPIFFE_ENDPOINT_SOCKET.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// limit bounds every command: a workload that waits longer has found a fault.
const limit = 60 * time.Second

var commands = map[string]func(ctx context.Context, args []string) error{
	"x509-source": x509Source,
	"jwt-source":  jwtSource,
	"bundles":     bundles,
	"watch":       watch,
	"mtls-server": mtlsServer,
	"mtls-client": mtlsClient,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: interop x509-source|jwt-source|bundles|watch|mtls-server|mtls-client ...")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
		os.Exit(1)
	}
}

// show prints one object on a line of its own.
func show(fields map[string]any) error {
	line, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(line))
	return err
}
