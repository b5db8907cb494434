;;! component_model_async = true

;; A task waits for a waitable set, is woken by an event, and before it runs,
;; another task of its instance takes the event by `waitable-set.poll`.
;;
;; The first task then just goes on waiting. Wasmtime 48 and 49 end the store:
;; "delivering non-present event".
(component
  (component $Waiter
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (core module $Main
      (import "" "memory" (memory 1))
      (import "" "stream.new" (func $stream.new (result i64)))
      (import "" "stream.read" (func $read (param i32 i32 i32) (result i32)))
      (import "" "stream.write" (func $write (param i32 i32 i32) (result i32)))
      (import "" "waitable-set.new" (func $set.new (result i32)))
      (import "" "waitable-set.poll" (func $poll (param i32 i32) (result i32)))
      (import "" "waitable.join" (func $join (param i32 i32)))
      (import "" "task.return" (func $return))
      (global $set (mut i32) (i32.const 0))
      (global $reader (mut i32) (i32.const 0))
      (global $writer (mut i32) (i32.const 0))

      (func $begin-read
        (if (i32.ne (call $read (global.get $reader) (i32.const 0) (i32.const 1))
                    (i32.const -1 (; BLOCKED ;)))
          (then unreachable)))
      (func $end-read
        (if (i32.ne (call $write (global.get $writer) (i32.const 0) (i32.const 1))
                    (i32.const 0x10 (; COMPLETED, one of them ;)))
          (then unreachable)))

      (func (export "wait") (result i32)
        (local $ends i64)
        (local.set $ends (call $stream.new))
        (global.set $reader (i32.wrap_i64 (local.get $ends)))
        (global.set $writer (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
        (global.set $set (call $set.new))
        (call $begin-read)
        (call $join (global.get $reader) (global.get $set))
        (i32.or (i32.const 2 (; WAIT ;)) (i32.shl (global.get $set) (i32.const 4))))
      (func (export "woken") (param $event i32) (param $waitable i32) (param $code i32)
                             (result i32)
        (if (i32.ne (local.get $event) (i32.const 2 (; STREAM_READ ;))) (then unreachable))
        (call $return)
        (i32.const 0 (; EXIT ;)))

      ;; Has an event come, and takes it.
      (func (export "take")
        (call $end-read)
        (if (i32.ne (call $poll (global.get $set) (i32.const 0))
                    (i32.const 2 (; STREAM_READ ;)))
          (then unreachable)))
      ;; Has another one come, and leaves it.
      (func (export "wake")
        (call $begin-read)
        (call $end-read)))
    (type $stream (stream))
    (canon stream.new $stream (core func $stream.new))
    (canon stream.read $stream async (memory $memory "memory") (core func $stream.read))
    (canon stream.write $stream async (memory $memory "memory") (core func $stream.write))
    (canon waitable-set.new (core func $set.new))
    (canon waitable-set.poll (memory $memory "memory") (core func $set.poll))
    (canon waitable.join (core func $join))
    (canon task.return (core func $return))
    (core instance $main (instantiate $Main (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "stream.new" (func $stream.new))
      (export "stream.read" (func $stream.read))
      (export "stream.write" (func $stream.write))
      (export "waitable-set.new" (func $set.new))
      (export "waitable-set.poll" (func $set.poll))
      (export "waitable.join" (func $join))
      (export "task.return" (func $return))))))
    (func (export "wait") async
      (canon lift (core func $main "wait") async (callback (func $main "woken"))))
    (func (export "take") (canon lift (core func $main "take")))
    (func (export "wake") (canon lift (core func $main "wake"))))

  (component $Caller
    (import "wait" (func $wait async))
    (import "take" (func $take))
    (import "wake" (func $wake))
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (core module $Main
      (import "" "memory" (memory 1))
      (import "" "wait" (func $wait (result i32)))
      (import "" "take" (func $take))
      (import "" "wake" (func $wake))
      (import "" "yield" (func $yield (result i32)))
      (import "" "waitable-set.new" (func $set.new (result i32)))
      (import "" "waitable-set.wait" (func $set.wait (param i32 i32) (result i32)))
      (import "" "waitable.join" (func $join (param i32 i32)))
      (func (export "run") (result i32)
        (local $subtask i32)
        (local $set i32)
        (local.set $subtask (call $wait))
        (if (i32.ne (i32.and (local.get $subtask) (i32.const 15))
                    (i32.const 1 (; STARTED ;)))
          (then unreachable))
        (local.set $subtask (i32.shr_u (local.get $subtask) (i32.const 4)))
        (call $take)
        (drop (call $yield))
        (call $wake)
        (local.set $set (call $set.new))
        (call $join (local.get $subtask) (local.get $set))
        (if (i32.ne (call $set.wait (local.get $set) (i32.const 0))
                    (i32.const 1 (; SUBTASK ;)))
          (then unreachable))
        ;; 2 is RETURNED.
        (i32.load (i32.const 4))))
    (canon lower (func $wait) async (core func $wait))
    (canon lower (func $take) (core func $take))
    (canon lower (func $wake) (core func $wake))
    (canon thread.yield (core func $yield))
    (canon waitable-set.new (core func $set.new))
    (canon waitable-set.wait (memory $memory "memory") (core func $set.wait))
    (canon waitable.join (core func $join))
    (core instance $main (instantiate $Main (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "wait" (func $wait))
      (export "take" (func $take))
      (export "wake" (func $wake))
      (export "yield" (func $yield))
      (export "waitable-set.new" (func $set.new))
      (export "waitable-set.wait" (func $set.wait))
      (export "waitable.join" (func $join))))))
    (func (export "run") async (result u32) (canon lift (core func $main "run"))))

  (instance $waiter (instantiate $Waiter))
  (instance $caller (instantiate $Caller
    (with "wait" (func $waiter "wait"))
    (with "take" (func $waiter "take"))
    (with "wake" (func $waiter "wake"))))
  (export "run" (func $caller "run")))

(assert_return (invoke "run") (u32.const 2))
