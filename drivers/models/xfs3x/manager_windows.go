package xfs3x

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The XFS manager and the functions of a window without a face.
var (
	msxfs     = windows.NewLazyDLL("msxfs.dll")
	startUp   = msxfs.NewProc("WFSStartUp")
	cleanUp   = msxfs.NewProc("WFSCleanUp")
	openSync  = msxfs.NewProc("WFSOpen")
	closeSync = msxfs.NewProc("WFSClose")
	register  = msxfs.NewProc("WFSRegister")
	getInfo   = msxfs.NewProc("WFSAsyncGetInfo")
	execute   = msxfs.NewProc("WFSAsyncExecute")
	cancelReq = msxfs.NewProc("WFSCancelAsyncRequest")
	free      = msxfs.NewProc("WFSFreeResult")

	user32        = windows.NewLazySystemDLL("user32.dll")
	registerClass = user32.NewProc("RegisterClassExW")
	createWindow  = user32.NewProc("CreateWindowExW")
	destroyWindow = user32.NewProc("DestroyWindow")
	defaultProc   = user32.NewProc("DefWindowProcW")
	getMessage    = user32.NewProc("GetMessageW")
	dispatch      = user32.NewProc("DispatchMessageW")
	postMessage   = user32.NewProc("PostMessageW")
	postQuit      = user32.NewProc("PostQuitMessage")
)

// Window messages: the manager's (XFSAPI.H: WM_USER + n) and our own.
const (
	wmUser            = 0x0400
	wmInfoComplete    = wmUser + 7
	wmExecuteComplete = wmUser + 8
	wmExecuteEvent    = wmUser + 20
	wmServiceEvent    = wmUser + 21
	wmUserEvent       = wmUser + 22
	wmSystemEvent     = wmUser + 23
	wmWork            = 0x8000 // WM_APP: functions wait in work
	allEvents         = 1 | 2 | 4 | 8
	messageOnly       = ^uintptr(2) // HWND_MESSAGE, -3
	alreadyStarted    = -1
	className         = "ZhiGuiXFS"
	applicationName   = "ZhiGui"
	pointerSize       = layout(unsafe.Sizeof(uintptr(0)))
	errClosed         = "the service is closed"
)

// process is this process's memory; what is not there is an error, not a crash.
type process struct{}

func (process) read(addr uint64, n int) ([]byte, error) {
	b := make([]byte, n)
	if n == 0 {
		return b, nil
	}
	var got uintptr
	if err := windows.ReadProcessMemory(windows.CurrentProcess(), uintptr(addr), &b[0], uintptr(n), &got); err != nil {
		return nil, fmt.Errorf("service provider's memory: %w", err)
	}
	return b, nil
}

// pending is a request under way; its image must stay where it is.
type pending struct {
	then func(result, memory)
	in   []byte
	pin  *runtime.Pinner
}

// window is a session: a window without a face and the thread that it belongs to. Only that thread
// calls the manager.
type window struct {
	hwnd    uintptr
	service uint16
	events  func(kind, result, memory)
	work    chan func()
	gone    chan struct{}
	pending map[uint32]pending // the thread's own
}

// windows by their handles, for the one window procedure.
var all sync.Map

var procedure = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(hwnd, message, wParam, lParam uintptr) uintptr {
		if w, ok := all.Load(hwnd); ok && w.(*window).handle(uint32(message), lParam) {
			return 0
		}
		r, _, _ := defaultProc.Call(hwnd, message, wParam, lParam)
		return r
	})
})

// hresult turns a return value into an error; nil for success.
func hresult(call string, r uintptr) error {
	code := int32(uint32(r))
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", call, ended(code, "").Description)
}

func openManager(service string, versions uint32, openFor time.Duration, events func(kind, result, memory)) (session, version, error) {
	if err := msxfs.Load(); err != nil {
		return nil, version{}, fmt.Errorf("the XFS manager: %w", err)
	}
	w := &window{events: events, work: make(chan func(), 16), gone: make(chan struct{}), pending: map[uint32]pending{}}
	type opened struct {
		v   version
		err error
	}
	begun := make(chan opened, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its window
		defer close(w.gone)
		v, err := w.begin(service, versions, openFor)
		begun <- opened{v, err}
		if err == nil {
			w.pump()
		}
		if w.hwnd != 0 {
			all.Delete(w.hwnd)
			_, _, _ = destroyWindow.Call(w.hwnd)
		}
	}()
	o := <-begun
	if o.err != nil {
		return nil, version{}, o.err
	}
	return w, o.v, nil
}

// wndclass is WNDCLASSEXW.
type wndclass struct {
	Size, Style                        uint32
	Proc                               uintptr
	ClsExtra, WndExtra                 int32
	Instance, Icon, Cursor, Background uintptr
	Menu, Name                         *uint16
	SmallIcon                          uintptr
}

var classOnce = sync.OnceValue(func() error {
	name, err := windows.UTF16PtrFromString(className)
	if err != nil {
		return err
	}
	c := wndclass{Proc: procedure(), Name: name}
	c.Size = uint32(unsafe.Sizeof(c))
	if r, _, err := registerClass.Call(uintptr(unsafe.Pointer(&c))); r == 0 {
		return fmt.Errorf("window class: %w", err)
	}
	return nil
})

// begin makes the window and opens the service, on the window's thread.
func (w *window) begin(service string, versions uint32, openFor time.Duration) (v version, err error) {
	if err := classOnce(); err != nil {
		return v, err
	}
	name, err := windows.UTF16PtrFromString(className)
	if err != nil {
		return v, err
	}
	r, _, errno := createWindow.Call(0, uintptr(unsafe.Pointer(name)), 0, 0, 0, 0, 0, 0, messageOnly, 0, 0, 0)
	if r == 0 {
		return v, fmt.Errorf("window: %w", errno)
	}
	w.hwnd = r
	all.Store(w.hwnd, w)
	var manager, provider, driverOf [versionSize]byte
	r, _, _ = startUp.Call(uintptr(versions), uintptr(unsafe.Pointer(&manager[0])))
	if int32(uint32(r)) != alreadyStarted {
		if err := hresult("WFSStartUp", r); err != nil {
			return v, err
		}
	}
	logical, err := windows.BytePtrFromString(service)
	if err != nil {
		return v, err
	}
	app, err := windows.BytePtrFromString(applicationName)
	if err != nil {
		return v, err
	}
	var handle uint16
	r, _, _ = openSync.Call(uintptr(unsafe.Pointer(logical)), 0, uintptr(unsafe.Pointer(app)), 0, uintptr(openFor.Milliseconds()), uintptr(versions),
		uintptr(unsafe.Pointer(&driverOf[0])), uintptr(unsafe.Pointer(&provider[0])), uintptr(unsafe.Pointer(&handle)))
	if err := hresult("WFSOpen", r); err != nil {
		return v, err
	}
	w.service = handle
	r, _, _ = register.Call(uintptr(w.service), allEvents, w.hwnd)
	if err := hresult("WFSRegister", r); err != nil {
		_, _, _ = closeSync.Call(uintptr(w.service))
		return v, err
	}
	return readVersion(driverOf[:]), nil
}

// pump hands the thread's messages to the window until it is told to quit.
func (w *window) pump() {
	var msg struct {
		Hwnd           uintptr
		Message        uint32
		WParam, LParam uintptr
		Time           uint32
		X, Y           int32
		Private        uint32
	}
	for {
		if r, _, _ := getMessage.Call(uintptr(unsafe.Pointer(&msg)), 0, 0, 0); int32(r) <= 0 {
			return
		}
		_, _, _ = dispatch.Call(uintptr(unsafe.Pointer(&msg)))
	}
}

// handle is the window procedure; false: the message is not ours.
func (w *window) handle(message uint32, lParam uintptr) bool {
	events := map[uint32]kind{wmExecuteEvent: onExecute, wmServiceEvent: onService, wmUserEvent: onUser, wmSystemEvent: onSystem}
	switch k, event := events[message]; {
	case message == wmWork:
		for {
			select {
			case f := <-w.work:
				f()
				continue
			default:
			}
			return true
		}
	case message == wmInfoComplete, message == wmExecuteComplete, event:
		r, err := readResult(process{}, pointerSize, uint64(lParam))
		if err != nil {
			return true
		}
		if event {
			w.events(k, r, process{})
		} else if p, ok := w.pending[r.request]; ok {
			delete(w.pending, r.request)
			p.then(r, process{})
			p.pin.Unpin()
		}
		_, _, _ = free.Call(lParam)
		return true
	}
	return false
}

// call runs f on the window's thread.
func (w *window) call(f func() error) error {
	done := make(chan error, 1)
	select {
	case w.work <- func() { done <- f() }:
	case <-w.gone:
		return errors.New(errClosed)
	}
	_, _, _ = postMessage.Call(w.hwnd, wmWork, 0, 0)
	select {
	case err := <-done:
		return err
	case <-w.gone:
		return errors.New(errClosed)
	}
}

func (w *window) request(name string, proc *windows.LazyProc, code uint32, in *block, timeout time.Duration, then func(result, memory)) (id uint32, err error) {
	err = w.call(func() error {
		p := pending{then: then, pin: &runtime.Pinner{}}
		var at uintptr
		if in != nil {
			p.in = in.b
			p.pin.Pin(&p.in[0])
			at = uintptr(unsafe.Pointer(&p.in[0]))
			in.locate(uint64(at))
		}
		r, _, _ := proc.Call(uintptr(w.service), uintptr(code), at, uintptr(timeout.Milliseconds()), w.hwnd, uintptr(unsafe.Pointer(&id)))
		if err := hresult(name, r); err != nil {
			p.pin.Unpin()
			return err
		}
		w.pending[id] = p
		return nil
	})
	return id, err
}

func (w *window) layout() layout { return pointerSize }

func (w *window) info(category uint32, in *block, timeout time.Duration, then func(result, memory)) (uint32, error) {
	return w.request("WFSAsyncGetInfo", getInfo, category, in, timeout, then)
}

func (w *window) execute(command uint32, in *block, timeout time.Duration, then func(result, memory)) (uint32, error) {
	return w.request("WFSAsyncExecute", execute, command, in, timeout, then)
}

func (w *window) cancel(request uint32) error {
	return w.call(func() error {
		r, _, _ := cancelReq.Call(uintptr(w.service), uintptr(request))
		return hresult("WFSCancelAsyncRequest", r)
	})
}

func (w *window) close() error {
	err := w.call(func() error {
		r, _, _ := closeSync.Call(uintptr(w.service))
		_, _, _ = cleanUp.Call()
		_, _, _ = postQuit.Call(0)
		return hresult("WFSClose", r)
	})
	<-w.gone
	return err
}
