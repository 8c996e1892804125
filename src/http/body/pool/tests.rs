use super::*;

const MIB: usize = 1 << 20;
const KEEP: Millis = Millis(15_000);

/// A pool of 8 MiB and the time.
struct World {
    pool: Pool,
    now: Millis,
}

impl World {
    fn new() -> Self {
        Self { pool: Pool::new(8 * MIB), now: Millis(1_000_000) }
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now + Millis(ms);
    }

    fn look(&mut self, place: u64, bytes: usize) -> Look {
        self.pool.look(place, bytes, KEEP, self.now)
    }

    /// Adds a body, which polls for the first time.
    fn come(&mut self, bytes: usize) -> (u64, Look) {
        let place = self.pool.place();
        (place, self.look(place, bytes))
    }

    fn taken(&mut self, bytes: usize) -> u64 {
        match self.come(bytes) {
            (_, Look::Taken(reservation)) => reservation,
            (_, look) => panic!("{look:?}"),
        }
    }

    /// Adds a body that has to wait.
    fn waiting(&mut self, bytes: usize) -> u64 {
        let (place, look) = self.come(bytes);
        assert!(matches!(look, Look::Again(_)), "{look:?}");
        place
    }

    fn is_taken(&mut self, place: u64, bytes: usize) -> bool {
        matches!(self.look(place, bytes), Look::Taken(_))
    }
}

#[test]
fn memory_is_given_out_up_to_its_size_and_comes_back() {
    let mut world = World::new();
    let first = world.taken(5 * MIB);
    world.taken(3 * MIB);
    let place = world.waiting(MIB);
    world.pool.give_back(first);
    assert!(world.is_taken(place, MIB));
    assert_eq!(world.pool.taken, 4 * MIB);
}

#[test]
fn those_that_wait_are_served_in_the_order_in_which_they_came() {
    let mut world = World::new();
    let held = world.taken(8 * MIB);
    let (first, second) = (world.waiting(MIB), world.waiting(MIB));
    world.pool.give_back(held);
    assert!(!world.is_taken(second, MIB), "there is room, but the first comes first");
    assert!(world.is_taken(first, MIB));
    assert!(world.is_taken(second, MIB));
}

#[test]
fn a_large_body_is_not_starved_by_small_ones_that_come_later() {
    let mut world = World::new();
    let mut held = world.taken(5 * MIB);
    let large = world.waiting(8 * MIB);
    for _ in 0..100 {
        world.pass(50);
        let (small, look) = world.come(MIB);
        assert!(matches!(look, Look::Again(_)));
        assert_eq!(world.pool.take(1, KEEP), None);
        world.pool.leave(small);
        assert!(!world.is_taken(large, 8 * MIB));
        world.pool.renew(held, usize::MAX, KEEP);
    }
    world.pool.give_back(held);
    held = match world.look(large, 8 * MIB) {
        Look::Taken(held) => held,
        look => panic!("{look:?}"),
    };
    world.pool.give_back(held);
    assert_eq!(world.pool.taken, 0);
}

#[test]
fn what_is_larger_than_the_pool_waits_until_it_is_empty_and_is_alone_in_it() {
    let mut world = World::new();
    let small = world.taken(1);
    let huge = world.waiting(9 * MIB);
    world.pool.give_back(small);
    assert!(world.is_taken(huge, 9 * MIB));
    world.waiting(1);
}

#[test]
fn small_bodies_pass_in_their_own_pool_while_large_ones_wait() {
    let (mut large, mut small) = (World::new(), World::new());
    large.taken(8 * MIB);
    large.waiting(MIB);
    assert!(large.pool.is_waited_for(large.now));
    assert!(!small.pool.is_waited_for(small.now));
    assert!(small.pool.take(60 << 10, KEEP).is_some());
}

#[test]
fn one_half_alone_is_taken_without_looking() {
    let mut world = World::new();
    let taken = (0..).take_while(|_| world.pool.take(64 << 10, KEEP).is_some()).count();
    assert_eq!(taken, 64);
    assert_eq!(world.pool.taken, 4 * MIB);
    world.taken(64 << 10);
}

#[test]
fn a_place_that_is_given_up_lets_the_next_one_through() {
    let mut world = World::new();
    world.taken(7 * MIB);
    let (first, second) = (world.waiting(2 * MIB), world.waiting(MIB));
    world.pool.leave(first);
    assert!(world.is_taken(second, MIB));
    assert!(!world.pool.is_waited_for(world.now));
}

#[test]
fn a_place_that_does_not_look_again_is_forgotten_after_a_second() {
    let mut world = World::new();
    world.taken(7 * MIB);
    world.waiting(2 * MIB);
    world.pass(1000);
    let second = world.waiting(MIB);
    world.pass(1);
    assert!(world.is_taken(second, MIB));
    assert!(!world.pool.is_waited_for(world.now));
    assert!(world.pool.take(1, KEEP).is_none(), "beyond half");
}

#[test]
fn a_place_that_looks_in_time_is_kept() {
    let mut world = World::new();
    world.taken(8 * MIB);
    let place = world.waiting(MIB);
    for _ in 0..10 {
        world.pass(1000);
        assert_eq!(world.look(place, MIB), Look::Again(LOOK_SOON));
        assert!(world.pool.is_waited_for(world.now));
    }
    world.pass(1001);
    assert!(!world.pool.is_waited_for(world.now));
}

#[test]
fn one_that_was_forgotten_and_comes_back_has_its_old_place() {
    let mut world = World::new();
    let held = world.taken(8 * MIB);
    let first = world.waiting(MIB);
    world.pass(2000);
    let second = world.waiting(MIB);
    assert_eq!(world.pool.line.len(), 1);
    world.look(first, MIB);
    world.pool.give_back(held);
    assert!(!world.is_taken(second, MIB));
    assert!(world.is_taken(first, MIB));
}

#[test]
fn those_at_the_front_look_more_often_and_all_before_they_count_as_dead() {
    let mut world = World::new();
    world.taken(8 * MIB);
    let looks: Vec<_> = (0..10).map(|_| world.come(MIB).1).collect();
    assert_eq!(looks[FRONT - 1..=FRONT], [Look::Again(LOOK_SOON), Look::Again(LOOK_LATER)]);
    assert!(LOOK_LATER + LOOK_LATER < DEAD_AFTER);
}

#[test]
fn only_so_many_wait_and_dead_ones_do_not_count() {
    let mut world = World::new();
    world.taken(8 * MIB);
    for _ in 0..LINE_MAX {
        world.waiting(MIB);
    }
    assert_eq!(world.come(MIB).1, Look::Full);
    world.pass(1001);
    world.waiting(MIB);
    assert_eq!(world.pool.line.len(), 1);
}

#[test]
fn even_the_smallest_body_takes_something() {
    let mut world = World::new();
    for _ in 0..8 << 10 {
        world.taken(0);
    }
    world.waiting(0);
}

#[test]
fn a_body_that_is_shorter_than_its_reservation_gives_the_rest_back() {
    let mut world = World::new();
    let held = world.taken(8 * MIB);
    let place = world.waiting(MIB);
    world.pool.renew(held, 7 * MIB, KEEP);
    assert!(world.is_taken(place, MIB));
    world.pool.renew(held, usize::MAX, KEEP);
    assert_eq!(world.pool.taken, 8 * MIB, "it never grows");
}

#[test]
fn a_reservation_without_a_sign_of_life_is_forgotten_when_it_is_in_the_way() {
    let mut world = World::new();
    let (alive, dead) = (world.taken(4 * MIB), world.taken(4 * MIB));
    let place = world.waiting(MIB);
    for second in 0..=16 {
        assert!(!world.is_taken(place, MIB), "after {second} s");
        world.pool.renew(alive, usize::MAX, KEEP);
        world.pass(1000);
    }
    assert!(world.is_taken(place, MIB));
    assert_eq!(world.pool.taken, 5 * MIB);
    world.pool.give_back(dead);
    assert_eq!(world.pool.taken, 5 * MIB, "it is given back once");
}

#[test]
fn a_clock_that_is_behind_forgets_nothing() {
    let mut world = World::new();
    let held = world.taken(8 * MIB);
    let place = world.waiting(MIB);
    world.now = Millis(0);
    assert!(world.pool.is_waited_for(world.now));
    world.pool.give_back(held);
    assert!(world.is_taken(place, MIB));
}
