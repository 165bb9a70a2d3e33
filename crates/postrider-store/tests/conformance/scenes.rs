//! Makes one test of each scene and backend.

/// Plays a scene in a new store of one kind, and examines what it leaves behind.
pub(crate) fn exercise(home: crate::world::Home, scene: fn(&mut crate::world::World)) {
    let mut world = crate::world::World::new(home);
    scene(&mut world);
    world.examine();
}

/// Declares the scenes of a file, functions over `&mut World`, for every backend.
macro_rules! scenes {
    ($($scene:ident,)*) => {
        mod memory {
            $(#[test] fn $scene() {
                crate::scenes::exercise(crate::world::Home::memory(), super::$scene);
            })*
        }
        mod remote {
            $(#[test] fn $scene() {
                crate::scenes::exercise(crate::world::Home::remote(), super::$scene);
            })*
        }
        mod sqlite {
            $(#[test] fn $scene() {
                crate::scenes::exercise(crate::world::Home::sqlite(), super::$scene);
            })*
        }
    };
}
