package main

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

type event struct {
	Event           string `json:"event"`
	Name            string `json:"name,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Count           int    `json:"count,omitempty"`
}

func informDynamic(ctx context.Context, target target) error {
	client, err := dynamic.NewForConfig(target.config)
	if err != nil {
		return err
	}
	return inform(ctx, dynamicinformer.NewFilteredDynamicInformer(
		client, target.resource, target.namespace, 0, cache.Indexers{}, nil).Informer())
}

func informMetadata(ctx context.Context, target target) error {
	client, err := metadata.NewForConfig(target.config)
	if err != nil {
		return err
	}
	return inform(ctx, metadatainformer.NewFilteredMetadataInformer(
		client, target.resource, target.namespace, 0, cache.Indexers{}, nil).Informer())
}

// inform tells what the informer tells, until it is interrupted.
func inform(ctx context.Context, informer cache.SharedIndexInformer) error {
	if err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		say(map[string]string{"event": "watch error", "error": err.Error()})
	}); err != nil {
		return err
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("add", object) },
		UpdateFunc: func(_, object any) { tell("update", object) },
		DeleteFunc: func(object any) { tell("delete", object) },
	})
	if err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return errors.New("it did not sync")
	}
	say(event{Event: "synced", Count: len(informer.GetStore().List())})
	<-ctx.Done()
	return nil
}

func tell(what string, object any) {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	say(eventOf(what, accessor))
}

func eventOf(what string, object metav1.Object) event {
	return event{Event: what, Name: object.GetName(), ResourceVersion: object.GetResourceVersion()}
}
