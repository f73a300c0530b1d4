//! How the other Godots differ.

/// How a Godot differs from the installed one.
pub(crate) struct Build {
    /// The version, if it is another one.
    pub(crate) version: Option<[u32; 3]>,
    pub(crate) is_double: bool,
    /// The functions of the C interface that it does not have.
    pub(crate) lacks_function: fn(&str) -> bool,
    pub(crate) lacks_class: fn(&str) -> bool,
    /// A method that it does not have, by its class and its name.
    pub(crate) lacks_method: fn(&str, &str) -> bool,
}

pub(crate) static AS_IT_IS: Build = Build {
    version: None,
    is_double: false,
    lacks_function: |_| false,
    lacks_class: |_| false,
    lacks_method: |_, _| false,
};

/// As small games have it: no 3D, no physics, no navigation, no XR, no optional module, no editor.
pub(crate) static WITHOUT_3D: Build = Build {
    lacks_class: |class| {
        #[rustfmt::skip]
        const PARTS: [&str; 12] = [
            "3D", "XR", "Physics", "Navigation", "Noise", "CSG", "GLTF", "FBX", "GridMap", "Editor",
            "Multiplayer", "WebRTC",
        ];
        PARTS.iter().any(|part| class.contains(part))
    },
    ..AS_IT_IS
};

pub(crate) static WITHOUT_PEERS: Build = Build {
    lacks_class: |class| class == "StreamPeerExtension",
    ..AS_IT_IS
};

pub(crate) static WITHOUT_HAS_CONNECTIONS: Build = Build {
    lacks_method: |class, method| (class, method) == ("Object", "has_connections"),
    ..AS_IT_IS
};

/// Some of what `deprecated=no` leaves out.
pub(crate) static WITHOUT_DEPRECATED: Build = Build {
    lacks_function: |function| {
        function == "get_godot_version" || function == "classdb_register_extension_class"
    },
    ..AS_IT_IS
};

pub(crate) static OF_4_3: Build = Build {
    version: Some([4, 3, 1]),
    ..AS_IT_IS
};

pub(crate) static OF_DOUBLE_PRECISION: Build = Build {
    is_double: true,
    ..AS_IT_IS
};
