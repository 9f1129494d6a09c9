"""Faces of people who do not exist, at exactly known pose: made from numbers, free of any photograph.

`synthesis.generate.generate_faces` writes them to a folder, `synthesis.studio.take_pictures`
returns them as arrays. Modules follow the way from a seed to a picture::

    person, style, conditions          who, how they look that day, how the picture is taken
    assets, template, shape            MakeHuman's head, morphed into theirs
    skin, eyes, hair, cuts,            what is on it
    facial_hair, clothes, glasses
    model, visibility, light, shading  put together and lit
    camera, raster, render, studio     seen
    generate, command                  written to files
    selection, protocol, bundled_set, the set that ships with facecheck
    check                              made again and compared

Why numpy and not torch or a renderer. CPU time on one core of the build machine, the mean of six people: model
0.9 s, visibility 0.8 s, light 0.1 s, then 0.5 s for a view of 160 px and 0.8 s for one of 256 px; six pictures and a
strip of nine, the bundled set's share of one person, take 17 s. Most of a view of long hair goes into laying out
its fragments and keeping the nearest, integer work whose result no order of evaluation can change
(`synthesis.raster`); sums that a GPU adds in another order on every run would cost the promise of equal
pixels on one machine. A torch version was not written, so thousands of faces take a core hours, not minutes.
mitsuba was measured with the prototype: 5 to 9 s a view, with noise. numpy and scipy are here anyway, so the extra
``synthesis`` is needed only to cut the head out of its wheel again.
"""
