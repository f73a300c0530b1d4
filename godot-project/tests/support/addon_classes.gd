extends RefCounted
## The classes that the addon registers, for tests that use all of them.


## The classes of a game that can have objects: all but the bases of others. A script cannot make an
## object of some of them, such as a request of a client.
static func all() -> Array[String]:
	var names: Array[String] = []
	for name: String in ClassDB.get_class_list():
		if (name.ends_with("Rs") and ClassDB.class_get_api_type(name) == ClassDB.API_EXTENSION
				and ClassDB.get_inheriters_from_class(name).is_empty()):
			names.append(name)
	return names


## The classes of which no object is in `objects`.
static func lacking_in(objects: Array) -> Array[String]:
	var names: Array[String] = all()
	for object: Object in objects:
		names.erase(object.get_class())
	return names
