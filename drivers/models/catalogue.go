// Package models is the catalogue of the device models that drivers/cmd/driverd serves.
// Imported by drivers/cmd and tests only: the platform names a model, it never links one.
package models

import (
	"zhigui/drivers/models/cashcodeccnet"
	"zhigui/drivers/models/creatorcrt288k"
	"zhigui/drivers/models/creatorcrt350n"
	"zhigui/drivers/models/creatorcrt591"
	"zhigui/drivers/models/epsonescp"
	"zhigui/drivers/models/escposreceipt"
	"zhigui/drivers/models/gm65"
	"zhigui/drivers/models/itlnv200"
	"zhigui/drivers/models/kmy3501"
	"zhigui/drivers/models/megatecups"
	"zhigui/drivers/models/modbussiu"
	"zhigui/drivers/models/olivettipr2"
	"zhigui/drivers/models/omron3s4yr"
	"zhigui/drivers/models/pcsc"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/drivers/models/puloonlcdm4000"
	"zhigui/drivers/models/r30x"
	"zhigui/drivers/models/samv"
	"zhigui/drivers/models/serialscanner"
	"zhigui/drivers/models/starline"
	"zhigui/drivers/models/szztzt598"
	"zhigui/drivers/models/v4l2camera"
	"zhigui/drivers/models/vt100panel"
	"zhigui/drivers/models/xfs3x"
	"zhigui/drivers/models/xfs4iot"
	"zhigui/drivers/sdk"
)

// All are the models, in the order of their names.
func All() []sdk.Model {
	return append([]sdk.Model{
		cashcodeccnet.Model,
		creatorcrt288k.Model,
		creatorcrt350n.Model,
		creatorcrt591.Model,
		epsonescp.Model,
		escposreceipt.Model,
		gm65.Model,
		itlnv200.Model,
		megatecups.Model,
		modbussiu.Model,
		kmy3501.Model,
		olivettipr2.Model,
		omron3s4yr.Model,
		pcsc.Model,
		puloonlcdm2000.Model,
		puloonlcdm4000.Model,
		r30x.Model,
		samv.Model,
		serialscanner.Model,
		starline.Model,
		szztzt598.Model,
		v4l2camera.Model,
		vt100panel.Model,
	}, append(xfs3x.Models, xfs4iot.Models...)...)
}

// Find gives the model of a name.
func Find(name string) (sdk.Model, bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return sdk.Model{}, false
}
