// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../src/interfaces/IFeedRegistry.sol";
import {BondBase} from "./BondBase.sol";

/// @notice Gas of the registries' and the router's verbs, and of the views that a request and an answer go through,
/// each with cold storage; kept in `snapshots/Registries.json`.
contract RegistriesGasTest is BondBase {
    modifier cold() {
        vm.cool(address(feeds));
        vm.cool(address(models));
        vm.cool(address(router));
        _;
    }

    function _snap(string memory name) private {
        vm.snapshotGasLastCall("Registries", name);
    }

    function test_verify() public {
        IFeedRegistry.ObservationHeader memory header = _headerOf(5);
        bytes memory signature = _signature(header, key1);
        vm.cool(address(feeds));
        feeds.verify(header, signature);
        _snap("feeds.verify");
        vm.cool(address(feeds));
        feeds.recheck(header, signature);
        _snap("feeds.recheck");
    }

    function test_bond() public cold {
        feeds.bond{value: 1 ether}(bondedFeed, publisher2);
        _snap("feeds.bond");
    }

    function test_unbond() public cold {
        vm.prank(publisher1);
        feeds.requestUnbond(bondedFeed, 1 ether);
        _snap("feeds.requestUnbond");
        vm.warp(START + feeds.UNBONDING_TIME());
        vm.cool(address(feeds));
        vm.prank(publisher1);
        feeds.withdrawBond(bondedFeed, publisher1);
        _snap("feeds.withdrawBond");
    }

    function test_report() public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        (bytes memory first, bytes memory second) = (_signature(a, key1), _signature(b, key1));
        vm.cool(address(feeds));
        feeds.reportEquivocation(a, first, b, second);
        _snap("feeds.reportEquivocation");
    }

    function test_models() public cold {
        models.openSpecOf(model);
        _snap("models.openSpecOf");
        vm.cool(address(models));
        models.attest(model, "statement");
        _snap("models.attest");
        vm.cool(address(models));
        vm.startPrank(author);
        models.deprecate(model, mixedModel, uint64(START) + 7 days);
        _snap("models.deprecate");
        vm.stopPrank();
    }

    function test_router() public cold {
        router.verifierOf(directVersion);
        _snap("router.verifierOf");
        vm.cool(address(router));
        router.latestOf(DIRECT, 0);
        _snap("router.latestOf");
        vm.cool(address(router));
        vm.prank(guardian);
        router.freeze(directVersion);
        _snap("router.freeze");
    }
}
