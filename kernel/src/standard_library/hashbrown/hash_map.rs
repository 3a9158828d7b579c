mod base {
    use crate::marker::PhantomData as Of;

    pub struct HashMap<K, V, S, A>(Of<(K, V, S, A)>);
    pub struct Iter<'a, K, V>(Of<&'a (K, V)>);
    pub struct IterMut<'a, K, V>(Of<&'a mut (K, V)>);
    pub struct IntoIter<K, V, A>(Of<(K, V, A)>);
    pub struct Drain<'a, K, V, A>(Of<&'a mut (K, V, A)>);
    pub struct ExtractIf<'a, K, V, F, A>(Of<&'a mut (K, V, F, A)>);
    pub struct RustcOccupiedEntry<'a, K, V, A>(Of<&'a mut (K, V, A)>);
    pub struct RustcVacantEntry<'a, K, V, A>(Of<&'a mut (K, V, A)>);
    pub enum RustcEntry<'a, K, V, A> {
        Occupied(RustcOccupiedEntry<'a, K, V, A>),
        Vacant(RustcVacantEntry<'a, K, V, A>),
    }
}
