"""Faces of people who do not exist, at exactly known pose: made from numbers, free of any photograph.

`facecheck.synthesis.generate.generate_faces` writes them to a folder, `facecheck.synthesis.studio.take_pictures`
returns them as arrays. Modules follow the way from a seed to a picture::

    person, style, conditions          who, how they look that day, how the picture is taken
    assets, template, shape            MakeHuman's head, morphed into theirs
    skin, eyes, hair, facial_hair,     what is on it
    clothes, glasses
    model, visibility, light, shading  put together and lit
    camera, raster, render, studio     seen
    generate, command                  written to files
    selection, protocol, embedded_set  the set that ships with facecheck

Why numpy and not torch or a renderer: on one core of the build machine a 160 px view takes 0.5 s once a model
stands (2 s), and 60 % of that is scattering fragments into a z-buffer and looking them up, integer work whose
result is the same on every machine and in every order (`facecheck.synthesis.raster`). torch's scatter-min is
neither faster on a CPU nor ordered on a GPU; mitsuba took 5 to 9 s a view, with noise. numpy and scipy are
here anyway, so the extra ``synthesis`` is needed only to cut the head out of its wheel again.
"""
