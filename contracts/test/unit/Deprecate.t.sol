// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {Base} from "../Base.sol";

contract DeprecateTest is Base {
    function _deprecate(bytes32 id, bytes32 successor, uint256 effectiveAt) private {
        vm.prank(author);
        models.deprecate(id, successor, uint64(effectiveAt));
    }

    function _notice() private view returns (uint256) {
        return block.timestamp + models.DEPRECATION_NOTICE();
    }

    /// Open until the second before, closed from that second on; the spec itself stays readable.
    function testFuzz_closesWhenTheNoticeIsOver(uint64 notice, uint64 later) public {
        notice = uint64(_edgy(notice, models.DEPRECATION_NOTICE(), models.MAX_NOTICE()));
        uint64 effectiveAt = uint64(START) + notice;
        vm.expectEmit(address(models));
        emit IModelRegistry.DeprecationAnnounced(model, mixedModel, effectiveAt);
        _deprecate(model, mixedModel, effectiveAt);
        assertEq(models.deprecatedAt(model), effectiveAt);
        assertEq(models.successorOf(model), mixedModel);
        bytes32 whole = keccak256(abi.encode(models.specOf(model)));
        assertEq(whole, model);
        vm.warp(effectiveAt - 1);
        assertFalse(models.isDeprecated(model));
        assertEq(keccak256(abi.encode(models.openSpecOf(model))), whole);
        vm.warp(effectiveAt + later % 3650 days);
        assertTrue(models.isDeprecated(model));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelDeprecated.selector, model));
        models.openSpecOf(model);
        assertEq(keccak256(abi.encode(models.specOf(model))), whole);
    }

    function testFuzz_openModelsAreOpen(uint64 later) public {
        vm.warp(START + later);
        assertEq(keccak256(abi.encode(models.openSpecOf(model))), model);
        assertFalse(models.isDeprecated(model));
        assertEq(models.deprecatedAt(model), 0);
    }

    function testFuzz_refusesUnknownModels(bytes32 id) public {
        vm.assume(!models.exists(id));
        bytes memory unknown = abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, id);
        vm.expectRevert(unknown);
        models.openSpecOf(id);
        vm.expectRevert(unknown);
        models.isPrivate(id);
        uint64 at = uint64(_notice());
        vm.expectRevert(unknown);
        models.deprecate(id, 0, at);
        assertFalse(models.isDeprecated(id));
    }

    function testFuzz_refusesTimesOutsideTheNotice(uint64 effectiveAt) public {
        uint256 earliest = _notice();
        uint256 latest = block.timestamp + models.MAX_NOTICE();
        if (effectiveAt % 2 == 0) effectiveAt = uint64(_edgy(effectiveAt, 0, earliest - 1));
        else effectiveAt = uint64(_edgy(effectiveAt, latest + 1, type(uint64).max));
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.EffectiveAtOutOfRange.selector, earliest, latest, uint256(effectiveAt)
            )
        );
        _deprecate(model, 0, effectiveAt);
    }

    function testFuzz_onlyOnce(uint64 wait, bool linked) public {
        _deprecate(model, linked ? mixedModel : bytes32(0), _notice());
        vm.warp(START + wait);
        uint256 at = _notice();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelAlreadyDeprecated.selector, model));
        _deprecate(model, 0, at);
    }

    function test_leavesOpenRequestsAlone() public {
        _deprecate(model, 0, _notice());
        vm.warp(_notice() - 1);
        Delivery memory d = _prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT));
        vm.warp(block.timestamp + 30);
        assertTrue(models.isDeprecated(model));
        _fulfil(d);
    }

    function testFuzz_onlyTheAuthorDeprecates(address caller) public {
        vm.assume(caller != author);
        uint64 at = uint64(_notice());
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotAuthor.selector, author, caller));
        vm.prank(caller);
        models.deprecate(model, 0, at);
    }

    function testFuzz_refusesUnknownSuccessor(bytes32 successor) public {
        vm.assume(successor != 0 && !models.exists(successor));
        uint256 at = _notice();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelUnknown.selector, successor));
        _deprecate(model, successor, at);
        assertEq(models.deprecatedAt(model), 0);
    }

    function test_refusesItselfAsSuccessor() public {
        uint256 at = _notice();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SuccessorDeprecated.selector, model));
        _deprecate(model, model, at);
        assertEq(models.deprecatedAt(model), 0);
    }

    /// From the announcement on, not from its effect: otherwise two models could name each other within the notice.
    function testFuzz_refusesDeprecatedSuccessors(uint64 wait) public {
        _deprecate(mixedModel, 0, _notice());
        vm.warp(START + wait % 3650 days);
        uint256 at = _notice();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SuccessorDeprecated.selector, mixedModel));
        _deprecate(model, mixedModel, at);
    }

    /// Whatever links are tried in whatever order, following successors from anywhere ends within the number of models.
    function testFuzz_successorsNeverCycle(uint256 seed) public {
        bytes32[6] memory ids;
        (ids[0], ids[1], ids[2]) = (model, mixedModel, quorumModel);
        for (uint16 i = 3; i < 6; ++i) {
            ids[i] = _register(_spec(_committed(1), i + 2));
        }
        uint256 made = 0;
        for (uint256 step = 0; step < 20; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + (seed >> 16) % 10 days);
            uint64 at = uint64(_notice());
            vm.prank(author);
            try models.deprecate(ids[seed % 6], ids[(seed >> 8) % 6], at) {
                ++made;
            } catch {}
        }
        assertGt(made, 0);
        for (uint256 i = 0; i < 6; ++i) {
            bytes32 id = ids[i];
            uint256 hops = 0;
            while ((id = models.successorOf(id)) != 0) assertLt(++hops, 6, "a cycle");
        }
    }

    function test_namesThePrivateKind() public {
        assertFalse(models.isPrivate(model));
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 3);
        spec.isPrivate = true;
        assertTrue(models.isPrivate(_register(spec)));
    }
}
