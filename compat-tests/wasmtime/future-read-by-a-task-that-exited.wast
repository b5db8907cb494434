;;! component_model_async = true

;; A task begins to read a future and exits. Then the value is written.
;;
;; The read is its instance's, not the task's, so it completes. Wasmtime 48 and
;; 49 look for the task, to lower the value on its behalf, and end the store:
;; "resource not present".
(component
  (component $Reader
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (core module $Main
      (import "" "memory" (memory 1))
      (import "" "future.read" (func $read (param i32 i32) (result i32)))
      (import "" "waitable-set.new" (func $set.new (result i32)))
      (import "" "waitable-set.poll" (func $poll (param i32 i32) (result i32)))
      (import "" "waitable.join" (func $join (param i32 i32)))
      (import "" "task.return" (func $return))
      (global $set (mut i32) (i32.const 0))
      (func (export "begin") (param $future i32) (result i32)
        (if (i32.ne (call $read (local.get $future) (i32.const 16))
                    (i32.const -1 (; BLOCKED ;)))
          (then unreachable))
        (global.set $set (call $set.new))
        (call $join (local.get $future) (global.get $set))
        (call $return)
        (i32.const 0 (; EXIT ;)))
      (func (export "never") (param i32 i32 i32) (result i32) unreachable)
      (func (export "end") (result i32)
        (if (i32.ne (call $poll (global.get $set) (i32.const 0))
                    (i32.const 4 (; FUTURE_READ ;)))
          (then unreachable))
        (i32.load (i32.const 16))))
    (type $future (future u32))
    (canon future.read $future async (memory $memory "memory") (core func $future.read))
    (canon waitable-set.new (core func $set.new))
    (canon waitable-set.poll (memory $memory "memory") (core func $set.poll))
    (canon waitable.join (core func $join))
    (canon task.return (core func $return))
    (core instance $main (instantiate $Main (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "future.read" (func $future.read))
      (export "waitable-set.new" (func $set.new))
      (export "waitable-set.poll" (func $set.poll))
      (export "waitable.join" (func $join))
      (export "task.return" (func $return))))))
    (func (export "begin") async (param "future" $future)
      (canon lift (core func $main "begin") async (callback (func $main "never"))))
    (func (export "end") (result u32) (canon lift (core func $main "end"))))

  (component $Writer
    (type $future (future u32))
    (import "begin" (func $begin async (param "future" $future)))
    (import "end" (func $end (result u32)))
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (core module $Main
      (import "" "memory" (memory 1))
      (import "" "begin" (func $begin (param i32) (result i32)))
      (import "" "end" (func $end (result i32)))
      (import "" "future.new" (func $future.new (result i64)))
      (import "" "future.write" (func $write (param i32 i32) (result i32)))
      (func (export "run") (result i32)
        (local $ends i64)
        (local.set $ends (call $future.new))
        (if (i32.ne (call $begin (i32.wrap_i64 (local.get $ends)))
                    (i32.const 2 (; RETURNED ;)))
          (then unreachable))
        (i32.store (i32.const 16) (i32.const 42))
        (if (i32.ne (call $write
                      (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32)))
                      (i32.const 16))
                    (i32.const 0 (; COMPLETED ;)))
          (then unreachable))
        (call $end)))
    (canon lower (func $begin) async (core func $begin))
    (canon lower (func $end) (core func $end))
    (canon future.new $future (core func $future.new))
    (canon future.write $future async (memory $memory "memory") (core func $future.write))
    (core instance $main (instantiate $Main (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "begin" (func $begin))
      (export "end" (func $end))
      (export "future.new" (func $future.new))
      (export "future.write" (func $future.write))))))
    (func (export "run") async (result u32) (canon lift (core func $main "run"))))

  (instance $reader (instantiate $Reader))
  (instance $writer (instantiate $Writer
    (with "begin" (func $reader "begin"))
    (with "end" (func $reader "end"))))
  (export "run" (func $writer "run")))

(assert_return (invoke "run") (u32.const 42))
