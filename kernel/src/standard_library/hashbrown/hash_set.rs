mod base {
    use crate::marker::PhantomData as Of;

    pub struct HashSet<T, S, A>(Of<(T, S, A)>);
    pub struct Iter<'a, T>(Of<&'a T>);
    pub struct IntoIter<T, A>(Of<(T, A)>);
    pub struct Drain<'a, T, A>(Of<&'a mut (T, A)>);
    pub struct ExtractIf<'a, T, F, A>(Of<&'a mut (T, F, A)>);
    pub struct OccupiedEntry<'a, T, S, A>(Of<&'a mut (T, S, A)>);
    pub struct VacantEntry<'a, T, S, A>(Of<&'a mut (T, S, A)>);
    pub enum Entry<'a, T, S, A> {
        Occupied(OccupiedEntry<'a, T, S, A>),
        Vacant(VacantEntry<'a, T, S, A>),
    }
}
