package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/dynamic"
)

var helpers = map[string]func(error) bool{
	"IsAlreadyExists":        apierrors.IsAlreadyExists,
	"IsBadRequest":           apierrors.IsBadRequest,
	"IsConflict":             apierrors.IsConflict,
	"IsForbidden":            apierrors.IsForbidden,
	"IsInvalid":              apierrors.IsInvalid,
	"IsMethodNotSupported":   apierrors.IsMethodNotSupported,
	"IsNotFound":             apierrors.IsNotFound,
	"IsResourceExpired":      apierrors.IsResourceExpired,
	"IsTimeout":              apierrors.IsTimeout,
	"IsUnsupportedMediaType": apierrors.IsUnsupportedMediaType,
	"IsNamespaceTerminating": func(err error) bool {
		return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	},
	"IsTooLargeResourceVersion": func(err error) bool {
		return apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
	},
}

func (t target) object(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": t.resource.GroupVersion().String(),
		"kind":       t.kind,
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"color": "red"},
	}}
}

// errorsAreTold makes every mistake there is, and prints which helpers of client-go know the answer.
func errorsAreTold(ctx context.Context, target target) error {
	client, err := dynamic.NewForConfig(target.config)
	if err != nil {
		return err
	}
	all := client.Resource(target.resource)
	in := all.Namespace(target.namespace)
	made, err := in.Create(ctx, target.object("made"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	said := map[string]any{}
	for name, attempt := range mistakes(ctx, target, all, in, made) {
		said[name] = known(attempt())
	}
	say(said)
	return nil
}

func mistakes(
	ctx context.Context, target target, all dynamic.NamespaceableResourceInterface, in dynamic.ResourceInterface,
	made *unstructured.Unstructured,
) map[string]func() error {
	merge := func(kind types.PatchType, patch string) error {
		_, err := in.Patch(ctx, "made", kind, []byte(patch), metav1.PatchOptions{})
		return err
	}
	list := func(options metav1.ListOptions) error {
		_, err := in.List(ctx, options)
		return err
	}
	other := types.UID("6e9b8a0e-0000-4000-8000-00000000000f")
	return map[string]func() error{
		"get what is not there": func() error {
			_, err := in.Get(ctx, "missing", metav1.GetOptions{})
			return err
		},
		"create it again": func() error {
			_, err := in.Create(ctx, target.object("made"), metav1.CreateOptions{})
			return err
		},
		"create in no namespace": func() error {
			_, err := all.Namespace("missing").Create(ctx, target.object("x"), metav1.CreateOptions{})
			return err
		},
		"create in a namespace that goes": func() error {
			_, err := all.Namespace("ending").Create(ctx, target.object("x"), metav1.CreateOptions{})
			return err
		},
		"update an old version": func() error {
			old := made.DeepCopy()
			old.SetResourceVersion("1")
			_, err := in.Update(ctx, old, metav1.UpdateOptions{})
			return err
		},
		"break the schema":          func() error { return merge(types.MergePatchType, `{"spec":{"color":"pink"}}`) },
		"patch without a patch":     func() error { return merge(types.JSONPatchType, `{}`) },
		"patch strategically":       func() error { return merge(types.StrategicMergePatchType, `{}`) },
		"select by a strange field": func() error { return list(metav1.ListOptions{FieldSelector: "odd=x"}) },
		"go on from nothing":        func() error { return list(metav1.ListOptions{Limit: 1, Continue: "x"}) },
		"list the future": func() error {
			return list(metav1.ListOptions{ResourceVersion: "9007199254740000", ResourceVersionMatch: "NotOlderThan"})
		},
		"delete another": func() error {
			return in.Delete(ctx, "made", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
		},
	}
}

func known(err error) []string {
	names := []string{}
	for name, is := range helpers {
		if is(err) {
			names = append(names, name)
		}
	}
	if err == nil {
		names = append(names, "no error")
	}
	slices.Sort(names)
	return names
}

// versions writes again and again, and compares each version with the one before.
func versions(ctx context.Context, target target) error {
	client, err := dynamic.NewForConfig(target.config)
	if err != nil {
		return err
	}
	in := client.Resource(target.resource).Namespace(target.namespace)
	object, err := in.Create(ctx, target.object("versioned"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	const writes = 100
	for i := range writes {
		before := object.GetResourceVersion()
		object.SetAnnotations(map[string]string{"written": fmt.Sprintf("%d %v", i, time.Now())})
		if object, err = in.Update(ctx, object, metav1.UpdateOptions{}); err != nil {
			return err
		}
		order, err := resourceversion.CompareResourceVersion(before, object.GetResourceVersion())
		if err != nil {
			return err
		}
		if order != -1 {
			return fmt.Errorf("%s does not come before %s", before, object.GetResourceVersion())
		}
	}
	say(map[string]int{"writes": writes})
	return nil
}
