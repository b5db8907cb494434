//! How Wizer reads the state of an instance: by functions that it has added to
//! the component.

use wasmtime::component::{Lift, WasmList};
use wasmtime_wizer::ComponentInstanceState;

use super::warm_up::WarmInstance;

impl WarmInstance {
    /// Calls `function` of `instance`, and has `take` take what it gives.
    async fn call<R: Lift + 'static>(
        &mut self,
        instance: &str,
        function: &str,
        take: impl FnOnce(&Self, R),
    ) {
        // Wizer asks for what it has added itself.
        const ADDED: &str = "Wizer's functions are there";
        let (_, exported) = self
            .instance
            .get_export(&mut self.store, None, instance)
            .expect(ADDED);
        let (_, exported) = self
            .instance
            .get_export(&mut self.store, Some(&exported), function)
            .expect(ADDED);
        let (given,) = self
            .instance
            .get_typed_func::<(), (R,)>(&mut self.store, exported)
            .expect(ADDED)
            .call_async(&mut self.store, ())
            .await
            .expect("Wizer's functions grow the memory by a page, and read");
        take(self, given);
    }

    /// The same, where the value is all there is to take.
    async fn value<R: Lift + Copy + 'static>(&mut self, instance: &str, function: &str) -> R {
        let mut value = None;
        self.call(instance, function, |_, given| value = Some(given))
            .await;
        value.expect("it was taken")
    }
}

impl ComponentInstanceState for WarmInstance {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.call(instance, function, |warm, list: WasmList<u8>| {
            contents(list.as_le_slice(&warm.store));
        })
        .await
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.value(instance, function).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.value(instance, function).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        self.value::<f32>(instance, function).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        self.value::<f64>(instance, function).await.to_bits()
    }
}
