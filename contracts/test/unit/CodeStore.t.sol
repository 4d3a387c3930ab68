// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {CodeStore} from "../../src/libraries/CodeStore.sol";

contract CodeStoreTest is Test {
    uint256 private constant MOST = 24_575;

    function write(bytes memory data) external returns (address) {
        return CodeStore.write(data);
    }

    function read(address at) external view returns (bytes memory) {
        return CodeStore.read(at);
    }

    function testFuzz_keepsBytes(bytes calldata data) public {
        address at = CodeStore.write(data);
        assertEq(CodeStore.read(at), data);
        assertEq(at.code.length, data.length + 1);
    }

    /// One byte more than the data: code may have 24,576 (EIP-170).
    function test_keepsTheMostThatCodeHolds() public {
        bytes memory data = new bytes(MOST);
        data[MOST - 1] = 0xff;
        assertEq(keccak256(CodeStore.read(CodeStore.write(data))), keccak256(data));
    }

    function testFuzz_refusesMore(uint256 length) public {
        length = bound(length, MOST + 1, 200_000);
        vm.expectRevert(abi.encodeWithSelector(CodeStore.StoreFailed.selector, length));
        this.write(new bytes(length));
    }

    /// It begins with STOP: calling it does nothing, whatever the data would mean as code.
    function testFuzz_callingItDoesNothing(bytes calldata data, bytes calldata input) public {
        address at = CodeStore.write(abi.encodePacked(hex"ff", data));
        (bool ok, bytes memory got) = at.call{value: 0}(input);
        assertTrue(ok);
        assertEq(got.length, 0);
        assertGt(at.code.length, 0);
    }

    function test_thereIsNothingToReadWithoutCode() public {
        vm.expectRevert();
        this.read(address(0xbeef));
    }
}
