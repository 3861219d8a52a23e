package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// x509Source fetches through an X509Source and verifies the SVID against the source's own bundle.
func x509Source(ctx context.Context, _ []string) error {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return fmt.Errorf("making the source: %w", err)
	}
	defer source.Close()
	svid, err := source.GetX509SVID()
	if err != nil {
		return err
	}
	id, _, err := x509svid.Verify(svid.Certificates, source)
	if err != nil {
		return fmt.Errorf("verifying the SVID: %w", err)
	}
	bundle, err := source.GetX509BundleForTrustDomain(id.TrustDomain())
	if err != nil {
		return err
	}
	return show(map[string]any{
		"id":          id.String(),
		"hint":        svid.Hint,
		"chain":       len(svid.Certificates),
		"authorities": len(bundle.X509Authorities()),
		"seconds":     int(time.Until(svid.Certificates[0].NotAfter).Seconds()),
	})
}

// bundles fetches the X.509 and the JWT bundles and says how many keys each has.
func bundles(ctx context.Context, _ []string) error {
	x509Bundles, err := workloadapi.FetchX509Bundles(ctx)
	if err != nil {
		return fmt.Errorf("fetching X.509 bundles: %w", err)
	}
	jwtBundles, err := workloadapi.FetchJWTBundles(ctx)
	if err != nil {
		return fmt.Errorf("fetching JWT bundles: %w", err)
	}
	for _, bundle := range x509Bundles.Bundles() {
		both := spiffebundle.FromX509Bundle(bundle)
		if keys, err := jwtBundles.GetJWTBundleForTrustDomain(bundle.TrustDomain()); err == nil {
			both.SetJWTAuthorities(keys.JWTAuthorities())
		}
		err := show(map[string]any{
			"trust_domain": both.TrustDomain().Name(),
			"x509":         len(both.X509Authorities()),
			"jwt":          len(both.JWTAuthorities()),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// watcher hands on each update that brings another certificate.
type watcher struct {
	serials chan string
	errors  chan error
	last    string
}

func (w *watcher) OnX509ContextUpdate(update *workloadapi.X509Context) {
	if serial := update.DefaultSVID().Certificates[0].SerialNumber.Text(16); serial != w.last {
		w.last = serial
		w.serials <- serial
	}
}

func (w *watcher) OnX509ContextWatchError(err error) {
	w.errors <- err
}

// watch ends when it has seen this many certificates one after the other.
func watch(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: watch COUNT")
	}
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watcher{serials: make(chan string, count), errors: make(chan error, 1)}
	go func() {
		if err := workloadapi.WatchX509Context(ctx, w); err != nil && ctx.Err() == nil {
			w.errors <- err
		}
	}()
	for range count {
		select {
		case serial := <-w.serials:
			if err := show(map[string]any{"serial": serial}); err != nil {
				return err
			}
		case err := <-w.errors:
			return fmt.Errorf("watching: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
