//! (room under construction)
/// placeholder, being replaced by the real reader
#[derive(Debug)]
pub struct Section<'a>(std::marker::PhantomData<&'a ()>);
