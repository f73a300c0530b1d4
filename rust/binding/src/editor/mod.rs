//! The Sockets tab of the editor's debugger. Its classes are the editor's: Godot makes an object of the plugin by itself, when
//! the editor starts. A game that the editor runs knows the classes too, and has no use for them; an exported one does not.

mod dump;
mod plugin;
mod rates;
mod table;
