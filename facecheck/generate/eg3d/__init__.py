"""Strips of people from NVIDIA's EG3D: the user's checkout, the user's checkpoint, facecheck's cameras.

None of EG3D's code or weights is part of facecheck. What is used is the interface that EG3D publishes: the
checkout's ``legacy.load_network_pkl``, and of the generator ``z_dim``, ``rendering_kwargs``, ``mapping`` and
``synthesis``. Modules follow the way from a command to a file::

    yaws, camera     where the cameras stand
    checkpoint       whether the pickle may run, and running it
    render           one person's strip
    generate         files, and going on where a run stopped
    command          ``facecheck generate eg3d``

Source: Chan et al., Efficient Geometry-aware 3D Generative Adversarial Networks, CVPR 2022.
"""
