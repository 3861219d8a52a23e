package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// mtlsServer serves one connection of the peer with this SPIFFE ID and greets it by its ID.
func mtlsServer(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: mtls-server PEER_ID")
	}
	peer, err := spiffeid.FromString(args[0])
	if err != nil {
		return err
	}
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	config := tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeID(peer))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	defer listener.Close()
	context.AfterFunc(ctx, func() { listener.Close() })
	if err := show(map[string]any{"address": listener.Addr().String()}); err != nil {
		return err
	}
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	id, err := peerID(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, "hello", id); err != nil {
		return err
	}
	return show(map[string]any{"peer": id})
}

// mtlsClient connects to the server with this SPIFFE ID and prints its greeting.
func mtlsClient(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: mtls-client ADDRESS PEER_ID")
	}
	peer, err := spiffeid.FromString(args[1])
	if err != nil {
		return err
	}
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	config := tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeID(peer))
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	id, err := peerID(ctx, conn)
	if err != nil {
		return err
	}
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("reading the greeting: %w", err)
	}
	return show(map[string]any{"peer": id, "greeting": greeting})
}

func peerID(ctx context.Context, conn net.Conn) (string, error) {
	connection, ok := conn.(*tls.Conn)
	if !ok {
		return "", fmt.Errorf("no TLS connection")
	}
	if err := connection.HandshakeContext(ctx); err != nil {
		return "", err
	}
	id, err := x509svid.IDFromCert(connection.ConnectionState().PeerCertificates[0])
	return id.String(), err
}
