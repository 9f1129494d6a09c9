"""Faces of people who do not exist, at exactly known pose, rendered without any photograph.

`synthesis.generate.generate_faces` writes them to a folder, `synthesis.studio.take_pictures`
returns them as arrays. The modules, in the order from a seed to a picture::

    person, style, conditions          identity, look of the day, pose and light
    assets, template, shape            MakeHuman's head, morphed into the person's
    skin, eyes, hair, cuts,            surfaces and hair
    facial_hair, clothes, glasses
    model, visibility, light, shading  the complete model, and its lighting
    camera, raster, render, studio     rendering
    generate, command                  files
    selection, protocol, bundled_set, the set that ships with facecheck
    check                              comparison of the set with a second rendering

Why numpy and not torch or a renderer. CPU time on one core of the build machine, the mean of six people: model
0.9 s, visibility 0.8 s, light 0.1 s, then 0.5 s for a view of 160 px and 0.8 s for one of 256 px; six pictures and a
strip of nine tiles, the files of one person in the bundled set, take 17 s. Most of the time for a view of long hair is
spent on its fragments and the search for the nearest, integer work whose result does not depend on the order of
evaluation (`synthesis.raster`). A GPU adds floating-point sums in a different order in every run, so pixels would no
longer be equal on one machine. There is no torch version, so thousands of faces take hours on one core, not minutes.
The prototype was measured with mitsuba: 5 to 9 s per view, with noise. numpy and scipy are installed anyway, so the
extra ``synthesis`` is needed only to extract the head from its wheel again.
"""
