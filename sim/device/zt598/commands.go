package zt598

import (
	"encoding/hex"
	"strings"

	"github.com/tjfoc/gmsm/sm4"

	"zhigui/sim/device/engine"
)

// command runs one body, locked.
func (m *Model) command(io *engine.IO, body string) []byte {
	arg := body[1:]
	switch body[0] {
	case '3':
		return m.information()
	case '4':
		if len(arg) != 48 {
			return failure("E8")
		}
		m.phy.ScanCode = arg
		return m.stored("")
	case '5':
		return m.control(io, arg)
	case '6':
		m.drop()
		m.entry, m.lastKey = "pin", io.Now()
		m.entries++
		return success("")
	case 's':
		return success("SM4SIM01")
	case 'I':
		return success("00")
	case ':':
		return failure("EC")
	}
	if m.stuck["tamper"] == "locked" {
		return failure("ED")
	}
	if m.stuck["battery"] == "low" {
		return failure("E0")
	}
	switch body[0] {
	case '1':
		return m.loadClear(arg)
	case '2':
		return m.loadWorking(arg)
	case '7':
		return m.pinBlock(arg)
	case '8':
		return m.mac(arg)
	case '9':
		return m.cipher(arg)
	case 'b':
		return m.loadSM4(arg, m.phy.SM4KEK, useKEK)
	case 'c':
		return m.loadSM4Working(arg)
	case 'd':
		return m.cipherSM4(arg)
	case 'e':
		return m.macSM4(arg)
	case 'o':
		return m.pinBlockSM4(arg)
	case 'n':
		return m.deleteSM4(arg)
	case 'x':
		return m.extension(arg)
	}
	return failure("EB")
}

// stored saves the memory and answers with data.
func (m *Model) stored(data string) []byte {
	if err := m.save(); err != nil {
		panic(err)
	}
	return success(data)
}

// find is a key for a use; E4: the slot is empty (checked first), E5: it is for another use.
func find(keys map[int]key, slotHex, use string) (key, []byte) {
	n, ok := slot(slotHex)
	if !ok {
		return key{}, failure("E5")
	}
	k, ok := keys[n]
	if !ok {
		return key{}, failure("E4")
	}
	if k.Use != use && k.Use != useAny {
		return key{}, failure("E5")
	}
	return k, nil
}

var typeUse = map[byte]string{'1': useKEK, '2': useKEK, '3': usePIN, '5': useMAC, '6': useData}

var lengthDigit = map[byte]int{'1': 8, '2': 16, '3': 24}

// loadClear: KK type len hex.
func (m *Model) loadClear(arg string) []byte {
	if len(arg) < 4 {
		return failure("E8")
	}
	return m.loadKey(arg[:2], arg[2], arg[3], arg[4:], nil)
}

// loadWorking: MK WK use len hex, the key encrypted under MK; 00 KK 00 erases.
func (m *Model) loadWorking(arg string) []byte {
	if strings.HasPrefix(arg, "00") && len(arg) == 6 && arg[4:] == "00" {
		n, ok := slot(arg[2:4])
		if !ok {
			return failure("E5")
		}
		delete(m.phy.TDES, n)
		return m.stored("")
	}
	if len(arg) < 6 {
		return failure("E8")
	}
	mk, bad := find(m.phy.TDES, arg[:2], useKEK)
	if bad != nil {
		return bad
	}
	use := arg[4]
	if use == '1' || typeUse[use] == "" {
		return failure("EB")
	}
	return m.loadKey(arg[2:4], use, arg[5], arg[6:], mk.bytes())
}

func (m *Model) loadKey(slotHex string, use, length byte, hexKey string, under []byte) []byte {
	n, ok := slot(slotHex)
	if !ok {
		return failure("E5")
	}
	if typeUse[use] == "" {
		return failure("EB")
	}
	b, err := hex.DecodeString(hexKey)
	if err != nil {
		return failure("E9")
	}
	if len(b) == 0 || lengthDigit[length] != len(b) {
		return failure("E3")
	}
	if under != nil {
		c, err := tripleDES(under)
		if err != nil {
			return failure("E7")
		}
		b, _ = ecb(c, b, true)
	}
	check, err := kcv3(b)
	if err != nil {
		return failure("E3")
	}
	m.phy.TDES[n] = key{typeUse[use], upperHex(b)}
	return m.stored(upperHex(check))
}

func (m *Model) loadSM4(arg string, to map[int]key, use string) []byte {
	if len(arg) != 34 {
		return failure("E3")
	}
	n, ok := slot(arg[:2])
	b, err := hex.DecodeString(arg[2:])
	if !ok || err != nil {
		return failure("E9")
	}
	check, err := kcv4(b)
	if err != nil {
		return failure("E3")
	}
	to[n] = key{use, upperHex(b)}
	return m.stored(upperHex(check))
}

// loadSM4Working: 30 MK WK 32 hex.
func (m *Model) loadSM4Working(arg string) []byte {
	if len(arg) != 38 || arg[:2] != "30" {
		return failure("E8")
	}
	mk, bad := find(m.phy.SM4KEK, arg[2:4], useKEK)
	if bad != nil {
		return bad
	}
	b, err := hex.DecodeString(arg[6:])
	if err != nil {
		return failure("E9")
	}
	c, err := sm4.NewCipher(mk.bytes())
	if err != nil {
		return failure("E7")
	}
	plain, _ := ecb(c, b, true)
	return m.loadSM4(arg[4:6]+upperHex(plain), m.phy.SM4, useAny)
}

// deleteSM4: 32 KK a master key, 33 KK a working key.
func (m *Model) deleteSM4(arg string) []byte {
	if len(arg) != 4 {
		return failure("E8")
	}
	n, ok := slot(arg[2:])
	if !ok {
		return failure("E5")
	}
	switch arg[:2] {
	case "32":
		delete(m.phy.SM4KEK, n)
	case "33":
		delete(m.phy.SM4, n)
	default:
		return failure("EB")
	}
	return m.stored("")
}

// pinBlock: KK fmt PAN12; fmt 20 is ISO-0.
func (m *Model) pinBlock(arg string) []byte {
	if len(arg) != 16 {
		return failure("E8")
	}
	k, bad := find(m.phy.TDES, arg[:2], usePIN)
	if bad != nil {
		return bad
	}
	if arg[2:4] != "20" {
		return failure("EB")
	}
	if !m.entered {
		return failure("EC")
	}
	clear, ok := clearBlock(m.pin, arg[4:], 8)
	if !ok {
		return failure("E9")
	}
	c, err := tripleDES(k.bytes())
	if err != nil {
		return failure("E7")
	}
	out, _ := ecb(c, clear, false)
	m.blocks++
	return success("00" + upperHex([]byte{byte(len(m.pin))}) + upperHex(out))
}

// pinBlockSM4: KK 0 PAN12.
func (m *Model) pinBlockSM4(arg string) []byte {
	if len(arg) != 15 {
		return failure("E8")
	}
	k, bad := find(m.phy.SM4, arg[:2], usePIN)
	if bad != nil {
		return bad
	}
	if arg[2] != '0' {
		return failure("EB")
	}
	if !m.entered {
		return failure("EC")
	}
	clear, ok := clearBlock(m.pin, arg[3:], 16)
	if !ok {
		return failure("E9")
	}
	c, err := sm4.NewCipher(k.bytes())
	if err != nil {
		return failure("E7")
	}
	out, _ := ecb(c, clear, false)
	m.blocks++
	return success("00" + upperHex([]byte{byte(len(m.pin))}) + upperHex(out))
}

// mac: KK alg data; alg 41 is X9.19 with zero padding.
func (m *Model) mac(arg string) []byte {
	if len(arg) < 4 {
		return failure("E8")
	}
	k, bad := find(m.phy.TDES, arg[:2], useMAC)
	if bad != nil {
		return bad
	}
	if arg[2:4] != "41" {
		return failure("EB")
	}
	out, err := macX919(k.bytes(), []byte(arg[4:]))
	if err != nil {
		return failure("E3")
	}
	return success(upperHex(out))
}

// macSM4: KK IV alg data; alg 40 is CBC-MAC with zero padding.
func (m *Model) macSM4(arg string) []byte {
	if len(arg) < 36 {
		return failure("E8")
	}
	k, bad := find(m.phy.SM4, arg[:2], useMAC)
	if bad != nil {
		return bad
	}
	iv, err := hex.DecodeString(arg[2:34])
	if err != nil {
		return failure("E9")
	}
	if arg[34:36] != "40" {
		return failure("EB")
	}
	out, err := macSM4(k.bytes(), iv, []byte(arg[36:]))
	if err != nil {
		return failure("E7")
	}
	return success(upperHex(out))
}

// cipher: KK mode hex; mode 1 encrypts, A decrypts in ECB.
func (m *Model) cipher(arg string) []byte {
	if len(arg) < 3 {
		return failure("E8")
	}
	k, bad := find(m.phy.TDES, arg[:2], useData)
	if bad != nil {
		return bad
	}
	if arg[2] != '1' && arg[2] != 'A' {
		return failure("EB")
	}
	b, err := hex.DecodeString(arg[3:])
	if err != nil {
		return failure("E9")
	}
	c, err := tripleDES(k.bytes())
	if err != nil {
		return failure("E7")
	}
	out, ok := ecb(c, b, arg[2] == 'A')
	if !ok {
		return failure("E8")
	}
	return success(upperHex(out))
}

// cipherSM4: KK 31|32 1 IV hex; 31 encrypts, 32 decrypts, 1 is ECB (the IV is not used).
func (m *Model) cipherSM4(arg string) []byte {
	if len(arg) < 37 {
		return failure("E8")
	}
	k, bad := find(m.phy.SM4, arg[:2], useData)
	if bad != nil {
		return bad
	}
	if dir := arg[2:4]; dir != "31" && dir != "32" || arg[4] != '1' {
		return failure("EB")
	}
	b, err := hex.DecodeString(arg[37:])
	if err != nil {
		return failure("E9")
	}
	c, err := sm4.NewCipher(k.bytes())
	if err != nil {
		return failure("E7")
	}
	out, ok := ecb(c, b, arg[2:4] == "32")
	if !ok {
		return failure("E8")
	}
	return success(upperHex(out))
}
