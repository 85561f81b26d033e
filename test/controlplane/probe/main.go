// probe does what controllers do with a resource, with client-go itself, and prints what it sees as lines of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// target is whom to ask, and for what.
type target struct {
	config    *rest.Config
	resource  schema.GroupVersionResource
	kind      string
	namespace string
}

var commands = map[string]func(context.Context, target) error{
	"inform-dynamic":  informDynamic,
	"inform-metadata": informMetadata,
	"page":            page,
	"discover":        discover,
	"errors":          errorsAreTold,
	"versions":        versions,
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of a kubeconfig")
	group := flag.String("group", "", "group of the resource")
	version := flag.String("version", "v1", "its version")
	resource := flag.String("resource", "", "its plural name")
	kind := flag.String("kind", "", "its kind")
	namespace := flag.String("namespace", "", "where; empty: everywhere")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Arg(0), *kubeconfig, target{
		resource:  schema.GroupVersionResource{Group: *group, Version: *version, Resource: *resource},
		kind:      *kind,
		namespace: *namespace,
	}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, kubeconfig string, target target) error {
	command, ok := commands[name]
	if !ok {
		return fmt.Errorf("there is no command %q", name)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	target.config = config
	return command(ctx, target)
}

var printing sync.Mutex

// say prints one line of JSON.
func say(value any) {
	printing.Lock()
	defer printing.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		panic(err)
	}
}
