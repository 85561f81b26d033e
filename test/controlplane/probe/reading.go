package main

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/pager"
)

// page lists by twos.
func page(ctx context.Context, target target) error {
	client, err := dynamic.NewForConfig(target.config)
	if err != nil {
		return err
	}
	pages := 0
	listing := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		pages++
		return client.Resource(target.resource).Namespace(target.namespace).List(ctx, options)
	})
	listing.PageSize = 2
	names := []string{}
	err = listing.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		names = append(names, object.(metav1.Object).GetName())
		return nil
	})
	if err != nil {
		return err
	}
	say(map[string]any{"pages": pages, "names": names})
	return nil
}

// discover prints the resources of the group, from aggregated discovery and from the older one.
func discover(_ context.Context, target target) error {
	client, err := discovery.NewDiscoveryClientForConfig(target.config)
	if err != nil {
		return err
	}
	said := map[string]any{}
	for name, one := range map[string]discovery.DiscoveryInterface{"aggregated": client, "legacy": client.WithLegacy()} {
		_, lists, err := one.ServerGroupsAndResources()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		said[name] = resourcesOf(lists, target.resource.GroupVersion().String())
	}
	say(said)
	return nil
}

type resource struct {
	Name       string   `json:"name"`
	Singular   string   `json:"singular"`
	Kind       string   `json:"kind"`
	Namespaced bool     `json:"namespaced"`
	Verbs      []string `json:"verbs"`
	ShortNames []string `json:"shortNames"`
	Categories []string `json:"categories"`
}

func resourcesOf(lists []*metav1.APIResourceList, groupVersion string) []resource {
	found := []resource{}
	for _, list := range lists {
		if list.GroupVersion != groupVersion {
			continue
		}
		for _, one := range list.APIResources {
			found = append(found, resource{
				one.Name, one.SingularName, one.Kind, one.Namespaced,
				slices.Sorted(slices.Values(one.Verbs)), one.ShortNames, one.Categories,
			})
		}
	}
	slices.SortFunc(found, func(a, b resource) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return found
}
